import type { IncomingMessage } from 'node:http'
import { HoldpointError, type JsonValue, parseJson } from '#contract'

/**
 * What frameworks read with JSON.parse, and another reader differently: a key twice, integers beyond 2^53. What the
 * sender says it is does not matter, for handlers parse it without asking. Throws INVALID_INPUT.
 */
export function checkUnambiguous(text: string): void {
  try {
    parseJson(text)
  } catch (error) {
    // What nobody reads as JSON is not ours to judge.
    if (isJson(text)) throw error
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** As large as the arguments of an action may be. */
const MOST_BYTES = 1_048_576

export const saysJson = ({ headers }: IncomingMessage): boolean =>
  /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(headers['content-type'] ?? '')

/** Reads and parses a body that nobody has read yet. Throws INVALID_INPUT or PAYLOAD_TOO_LARGE. */
export async function readJsonBody(request: IncomingMessage): Promise<JsonValue> {
  const encoding = request.headers['content-encoding'] ?? 'identity'
  if (encoding !== 'identity')
    throw new HoldpointError('INVALID_INPUT', `body: it is ${encoding}; expected one that is not compressed`)
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    // Left open when we give up: somebody has to be told.
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > MOST_BYTES)
        throw new HoldpointError('PAYLOAD_TOO_LARGE', `body: more than ${MOST_BYTES} bytes`)
      chunks.push(chunk)
    }
  } finally {
    // Or the rest would stand before the next request on this connection.
    request.resume()
  }
  return parseJson(decode(Buffer.concat(chunks)))
}

export function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch (cause) {
    throw new HoldpointError('INVALID_INPUT', 'body: it is not UTF-8', { cause })
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

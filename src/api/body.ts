import type { Context } from 'hono'
import { HoldpointError, type JsonValue, parseJson } from '#contract'
import { HttpRefusal } from './problem.ts'

const LARGEST_BODY = 64 * 1024

/** The JSON that was sent. Only `application/json`, which no form of a web page can send. */
export async function jsonBody(c: Context): Promise<JsonValue> {
  refuseOtherTypes(c)
  return parseJson(utf8(await readBounded(c.req.raw)))
}

/** Undefined where no body was sent, or an empty one: that needs no type. */
export async function jsonBodyIfAny(c: Context): Promise<JsonValue | undefined> {
  const bytes = await readBounded(c.req.raw)
  if (bytes.byteLength === 0) return undefined
  refuseOtherTypes(c)
  return parseJson(utf8(bytes))
}

function refuseOtherTypes(c: Context): void {
  const type = c.req.header('content-type')
  if (!/^application\/json *(; *charset="?utf-8"? *)?$/i.test(type ?? ''))
    throw unsupported(`content-type is ${shown(type)}, expected application/json`)
  const encoding = c.req.header('content-encoding')
  if (encoding !== undefined && encoding !== 'identity')
    throw unsupported(`content-encoding is ${shown(encoding)}, expected none`)
}

async function readBounded({ body, headers }: Request): Promise<Uint8Array> {
  // Said in advance or not, no more than this is ever kept.
  if (Number(headers.get('content-length')) > LARGEST_BODY) throw tooLarge()
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body ?? []) {
    size += chunk.byteLength
    if (size > LARGEST_BODY) throw tooLarge()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function utf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new HoldpointError('INVALID_INPUT', 'the body is not UTF-8', { cause })
  }
}

const tooLarge = (): HoldpointError =>
  new HoldpointError('PAYLOAD_TOO_LARGE', `the body is larger than ${LARGEST_BODY} bytes`)

const unsupported = (message: string): HttpRefusal =>
  new HttpRefusal('INVALID_INPUT', message, { status: 415, headers: { 'accept-post': 'application/json' } })

const shown = (value: string | undefined): string =>
  value === undefined ? 'missing' : JSON.stringify(value.slice(0, 80).toWellFormed())

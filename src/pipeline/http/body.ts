import type { IncomingMessage } from 'node:http'
import { Readable, type Transform } from 'node:stream'
import { createGunzip, createInflate } from 'node:zlib'
import { HoldpointError } from '#contract'

/** Bytes that may be held for all requests together; what does not fit is asked to come again. */
export interface Room {
  take(bytes: number): boolean
  give(bytes: number): void
}

export function createRoom(bytes: number): Room {
  let free = bytes
  return {
    take(wanted) {
      if (wanted > free) return false
      free -= wanted
      return true
    },
    give(back) {
      free += back
    },
  }
}

export interface Body {
  bytes: Buffer
  /** Gives the room back, once the bytes are no longer needed. */
  release(): void
}

const DECODERS: Record<string, () => Transform | undefined> = {
  '': () => undefined,
  identity: () => undefined,
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
}
export const CONTENT_ENCODINGS = 'gzip, deflate, identity'

export const isKnownEncoding = (name: string): boolean => Object.hasOwn(DECODERS, name)

/**
 * Reads and decompresses a request's body. Both sizes are bounded as the bytes arrive, so a decompression bomb ends
 * at the limit and is never held. Throws PAYLOAD_TOO_LARGE, INVALID_INPUT (broken compression), or a retryable
 * UNAVAILABLE where all requests together hold too much.
 */
export async function readBody(
  request: IncomingMessage,
  { encoding, maxBytes, room }: { encoding: string; maxBytes: number; room: Room },
): Promise<Body> {
  const declared = Number(request.headers['content-length'] ?? 0)
  if (declared > maxBytes) throw tooLarge(maxBytes)

  const decoder = DECODERS[encoding]?.()
  const chunks: Buffer[] = []
  let held = 0
  const release = () => {
    room.give(held)
    held = 0
  }
  try {
    const compressed = bounded(request, maxBytes)
    const source: AsyncIterable<Buffer> = decoder === undefined ? compressed : decompress(compressed, decoder)
    for await (const chunk of source) {
      if (held + chunk.length > maxBytes) throw tooLarge(maxBytes)
      if (!room.take(chunk.length))
        throw new HoldpointError('UNAVAILABLE', 'too many bytes in flight; try again', { retryable: true })
      held += chunk.length
      chunks.push(chunk)
    }
    return { bytes: Buffer.concat(chunks, held), release }
  } catch (cause) {
    release()
    if (cause instanceof HoldpointError) throw cause
    throw new HoldpointError('INVALID_INPUT', `body: ${(cause as Error).message}`, { cause })
  }
}

/** What is compressed is bounded too: an endless run of empty gzip members decompresses to nothing. */
async function* bounded(request: IncomingMessage, maxBytes: number): AsyncIterable<Buffer> {
  let read = 0
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    read += chunk.length
    if (read > maxBytes) throw tooLarge(maxBytes)
    yield chunk
  }
}

function decompress(compressed: AsyncIterable<Buffer>, decoder: Transform): Transform {
  const source = Readable.from(compressed, { objectMode: false })
  source.on('error', (error) => decoder.destroy(error))
  decoder.on('close', () => source.destroy())
  return source.pipe(decoder)
}

const tooLarge = (maxBytes: number): HoldpointError =>
  new HoldpointError('PAYLOAD_TOO_LARGE', `the body is larger than ${maxBytes} bytes`)

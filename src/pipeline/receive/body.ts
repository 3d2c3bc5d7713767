import { Readable } from 'node:stream'
import { HoldpointError } from '#contract'
import { type Compression, DECODERS, type Decoder } from './compression.ts'
import type { Room } from './room.ts'

export interface Body {
  bytes: Uint8Array
  /** Gives the room back, once the bytes are no longer needed. */
  release(): void
}

const FIRST_BYTES = 16 * 1024

/**
 * Reads a body and decompresses it. Both sizes are bounded as the bytes arrive, so a decompression bomb ends at the
 * limit and is never held. Throws PAYLOAD_TOO_LARGE, INVALID_INPUT (broken compression, a sender that broke off), or
 * a retryable TOO_MANY where all requests together hold too much. `declaredBytes`: what the sender says it is long.
 */
export async function readBody(
  source: AsyncIterable<Uint8Array>,
  {
    compression,
    declaredBytes = 0,
    maxBytes,
    room,
  }: { compression: Compression; declaredBytes?: number | undefined; maxBytes: number; room: Room },
): Promise<Body> {
  const held = createHeld(compression === 'identity' ? declaredBytes : 0, maxBytes, room)
  try {
    for await (const chunk of plain(bounded(source, maxBytes), compression)) held.add(chunk)
    return { bytes: held.bytes(), release: held.release }
  } catch (cause) {
    held.release()
    if (cause instanceof HoldpointError) throw cause
    throw new HoldpointError('INVALID_INPUT', `body: ${(cause as Error).message}`, { cause })
  }
}

/**
 * Chunks are copied as they come, since a sender may make each of them a single byte, which would keep a whole read
 * of the socket alive. What a sender merely declares takes no room, until a quarter of it has come.
 */
function createHeld(declaredBytes: number, maxBytes: number, room: Room) {
  let buffer = Buffer.alloc(0)
  let length = 0
  const grow = (needed: number): void => {
    if (needed > maxBytes) throw tooLarge(maxBytes)
    const declared = needed * 4 >= declaredBytes ? declaredBytes : 0
    const capacity = Math.min(
      maxBytes,
      Math.max(needed, declared > needed ? declared : buffer.length * 2, FIRST_BYTES),
    )
    room.take(capacity - buffer.length)
    const wider = Buffer.allocUnsafeSlow(capacity)
    buffer.copy(wider, 0, 0, length)
    buffer = wider
  }
  return {
    add(chunk: Uint8Array): void {
      if (length + chunk.length > buffer.length) grow(length + chunk.length)
      buffer.set(chunk, length)
      length += chunk.length
    },
    bytes: () => buffer.subarray(0, length),
    release(): void {
      room.give(buffer.length)
      buffer = Buffer.alloc(0)
    },
  }
}

/** What is compressed is bounded too: an endless run of empty gzip members decompresses to nothing. */
async function* bounded(source: AsyncIterable<Uint8Array>, maxBytes: number): AsyncIterable<Uint8Array> {
  let read = 0
  for await (const chunk of source) {
    read += chunk.length
    if (read > maxBytes) throw tooLarge(maxBytes)
    yield chunk
  }
}

async function* plain(
  source: AsyncIterable<Uint8Array>,
  compression: Compression,
): AsyncIterable<Uint8Array> {
  if (compression === 'identity') return yield* source
  let read = 0
  const counted = async function* () {
    for await (const chunk of source) {
      read += chunk.length
      yield chunk
    }
  }
  const decoder = DECODERS[compression]()
  yield* connect(counted(), decoder)
  // Whoever reads only the first of two streams may see another body than the one that was checked.
  if (decoder.bytesWritten !== read) throw new Error(`something follows the ${compression} stream`)
}

function connect(compressed: AsyncIterable<Uint8Array>, decoder: Decoder): Decoder {
  const source = Readable.from(compressed, { objectMode: false })
  source.on('error', (error) => decoder.destroy(error))
  decoder.on('close', () => source.destroy())
  return source.pipe(decoder)
}

export const tooLarge = (maxBytes: number): HoldpointError =>
  new HoldpointError('PAYLOAD_TOO_LARGE', `the body is larger than ${maxBytes} bytes`)

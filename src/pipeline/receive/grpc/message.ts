import { HoldpointError } from '#contract'
import { tooLarge } from '../body.ts'

const HEAD_BYTES = 5

/**
 * The one message of a call: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md (Length-Prefixed-Message).
 * Its length is looked at before any of it is read. Throws INVALID_INPUT and PAYLOAD_TOO_LARGE; so does `payload`
 * while it is read, where there is less than was announced, or a second message.
 */
export async function openMessage(
  source: AsyncIterable<Buffer>,
  maxBytes: number,
): Promise<{ isCompressed: boolean; length: number; payload: AsyncIterable<Buffer> }> {
  const chunks = source[Symbol.asyncIterator]()
  let head: Buffer = Buffer.alloc(0)
  while (head.length < HEAD_BYTES) {
    const { done, value } = await chunks.next()
    if (done) throw invalid(head.length === 0 ? 'the call has no message' : 'the message ends in its head')
    head = Buffer.concat([head, value])
  }
  const flag = head.readUInt8(0)
  if (flag > 1) throw invalid(`the message begins with ${flag}, expected 0 or 1`)
  const length = head.readUInt32BE(1)
  if (length > maxBytes) throw tooLarge(maxBytes)
  return { isCompressed: flag === 1, length, payload: payloadOf(head.subarray(HEAD_BYTES), length, chunks) }
}

async function* payloadOf(
  first: Buffer,
  length: number,
  chunks: AsyncIterator<Buffer>,
): AsyncIterable<Buffer> {
  let left = length
  let next: IteratorResult<Buffer> = { done: false, value: first }
  for (; !next.done; next = await chunks.next()) {
    const chunk = next.value
    if (chunk.length > left) throw invalid('the call has more than one message')
    left -= chunk.length
    if (chunk.length > 0) yield chunk
  }
  if (left > 0) throw invalid(`the message ends ${left} bytes early`)
}

/** A message behind its head, as it is sent. */
export function frame(message: Uint8Array): Buffer {
  const head = Buffer.alloc(HEAD_BYTES)
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}

const invalid = (what: string): HoldpointError => new HoldpointError('INVALID_INPUT', `gRPC: ${what}`)

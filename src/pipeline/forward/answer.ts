import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import { HoldpointError } from '#contract'
import type { Accepted } from '../otlp/signal.ts'

/** OTLP bounds answers so. Compressed ones are counted as they unfold. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024
const MAX_REASON_CHARACTERS = 500

/**
 * What an Export…ServiceResponse says. Throws a retryable UNAVAILABLE where the 200 is not OTLP's: a proxy's page
 * acknowledges nothing.
 */
export async function readAnswer(response: Response): Promise<Accepted> {
  if (!isProtobuf(response)) {
    await response.body?.cancel()
    throw notOtlp(`its content type is ${JSON.stringify(response.headers.get('content-type'))}`)
  }
  try {
    return decodeAnswer(await readBounded(response))
  } catch (cause) {
    throw notOtlp((cause as Error).message, cause)
  }
}

/** Why a request was refused, as far as the answer says: a google.rpc.Status, or the beginning of any other text. */
export async function readReason(response: Response): Promise<string> {
  try {
    const bytes = await readBounded(response)
    const text = isProtobuf(response) ? textField(bytes, 2) : Buffer.from(bytes).toString()
    return shortened(text.trim())
  } catch {
    // The status alone decides what becomes of the batch.
    return ''
  }
}

/** `partial_success` is field 1 of all three answers, and looks the same in all of them. */
function decodeAnswer(bytes: Uint8Array): Accepted {
  const partial = fieldsOf(bytes).get(1)
  if (partial === undefined) return { rejected: 0 }
  if (!(partial instanceof Uint8Array)) throw new Error('partial_success is no message')
  const rejected = Number(fieldsOf(partial).get(1) ?? 0n)
  if (!(rejected >= 0)) throw new Error(`${rejected} were rejected`)
  const errorMessage = shortened(textField(partial, 2))
  return { rejected, ...(errorMessage === '' ? {} : { errorMessage }) }
}

/** The last value of each field, which is the one that counts; numbers as they stand on the wire. */
function fieldsOf(bytes: Uint8Array): Map<number, bigint | Uint8Array> {
  const reader = new BinaryReader(bytes)
  const fields = new Map<number, bigint | Uint8Array>()
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag()
    if (type === WireType.LengthDelimited) fields.set(field, reader.bytes())
    else if (type === WireType.Varint) fields.set(field, BigInt(reader.int64()))
    else reader.skip(type, field)
  }
  return fields
}

function textField(bytes: Uint8Array, field: number): string {
  const value = fieldsOf(bytes).get(field)
  return value instanceof Uint8Array ? Buffer.from(value).toString() : ''
}

async function readBounded(response: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.length
    if (size > MAX_ANSWER_BYTES) throw new Error(`it is larger than ${MAX_ANSWER_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

const isProtobuf = (response: Response): boolean =>
  response.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase() === 'application/x-protobuf'

const shortened = (text: string): string =>
  text.length > MAX_REASON_CHARACTERS ? `${text.slice(0, MAX_REASON_CHARACTERS)}…` : text

const notOtlp = (why: string, cause?: unknown): HoldpointError =>
  new HoldpointError('UNAVAILABLE', `the Collector's answer is not OTLP: ${why}`, {
    retryable: true,
    ...(cause === undefined ? {} : { cause }),
  })

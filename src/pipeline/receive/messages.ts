import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import type { Accepted, Signal } from '../otlp/signal.ts'

/** The two encodings of OTLP; an answer uses that of its request. */
export type Encoding = 'protobuf' | 'json'

const REJECTED = {
  traces: 'rejectedSpans',
  logs: 'rejectedLogRecords',
  metrics: 'rejectedDataPoints',
} satisfies Record<Signal, string>

/** Of a message for people: it has to fit into the header of a gRPC answer, too. */
const MAX_MESSAGE_CHARS = 1_000

/** Export{Trace,Logs,Metrics}ServiceResponse: empty on full success, else `partial_success`, never sent again. */
export function encodeResponse(
  signal: Signal,
  { rejected, errorMessage = '' }: Accepted,
  encoding: Encoding,
): Uint8Array {
  // Nothing rejected and a message is a warning, which the specification knows as well.
  const isPartial = rejected > 0 || errorMessage !== ''
  const message = short(errorMessage)
  if (encoding === 'json') {
    const partialSuccess = { [REJECTED[signal]]: String(rejected), errorMessage: message }
    return Buffer.from(JSON.stringify(isPartial ? { partialSuccess } : {}))
  }
  const writer = new BinaryWriter()
  if (!isPartial) return writer.finish()
  writer.tag(1, WireType.LengthDelimited).fork()
  if (rejected > 0) writer.tag(1, WireType.Varint).int64(rejected)
  if (message !== '') writer.tag(2, WireType.LengthDelimited).string(message)
  return writer.join().finish()
}

export interface Status {
  /** google.rpc.Code */
  code: number
  message: string
  /** When the same request may come again; without it, never. */
  retryAfterS?: number
}

/** google.rpc.Status: the body of every 4xx and 5xx, and gRPC's `grpc-status-details-bin`. */
export function encodeStatus({ code, message, retryAfterS }: Status, encoding: Encoding): Uint8Array {
  if (encoding === 'json') {
    const retry = { '@type': RETRY_INFO, retryDelay: `${retryAfterS}s` }
    const details = retryAfterS === undefined ? {} : { details: [retry] }
    return Buffer.from(JSON.stringify({ code, message: short(message), ...details }))
  }
  const writer = new BinaryWriter()
  writer.tag(1, WireType.Varint).int32(code)
  writer.tag(2, WireType.LengthDelimited).string(short(message))
  if (retryAfterS !== undefined) {
    writer.tag(3, WireType.LengthDelimited).fork()
    writer.tag(1, WireType.LengthDelimited).string(RETRY_INFO)
    writer.tag(2, WireType.LengthDelimited).bytes(encodeRetryInfo(retryAfterS))
    writer.join()
  }
  return writer.finish()
}

const RETRY_INFO = 'type.googleapis.com/google.rpc.RetryInfo'

/** google.rpc.RetryInfo with its google.protobuf.Duration. */
function encodeRetryInfo(seconds: number): Uint8Array {
  const writer = new BinaryWriter()
  writer.tag(1, WireType.LengthDelimited).fork()
  writer.tag(1, WireType.Varint).int64(seconds)
  return writer.join().finish()
}

export const short = (message: string): string => {
  const whole = message.toWellFormed()
  return whole.length <= MAX_MESSAGE_CHARS
    ? whole
    : `${whole.slice(0, MAX_MESSAGE_CHARS - 1).toWellFormed()}…`
}

import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'

/** The two encodings of OTLP/HTTP; the answer uses that of the request. */
export type Encoding = 'protobuf' | 'json'

export const CONTENT_TYPE: Record<Encoding, string> = {
  protobuf: 'application/x-protobuf',
  json: 'application/json',
}

export function encodingOf(contentType: string | undefined): Encoding | undefined {
  const mediaType = contentType?.split(';')[0]?.trim().toLowerCase()
  if (mediaType === CONTENT_TYPE.protobuf) return 'protobuf'
  return mediaType === CONTENT_TYPE.json ? 'json' : undefined
}

/** What became of a batch: spans that were refused for good, and why. */
export interface Accepted {
  rejectedSpans: number
  errorMessage?: string
}

/** ExportTraceServiceResponse: empty on full success, else `partial_success`, after which clients do not retry. */
export function encodeResponse(
  { rejectedSpans, errorMessage = '' }: Accepted,
  encoding: Encoding,
): Uint8Array {
  const partial = rejectedSpans > 0
  if (encoding === 'json') {
    const partialSuccess = { rejectedSpans: String(rejectedSpans), errorMessage }
    return Buffer.from(JSON.stringify(partial ? { partialSuccess } : {}))
  }
  const writer = new BinaryWriter()
  if (!partial) return writer.finish()
  writer.tag(1, WireType.LengthDelimited).fork()
  writer.tag(1, WireType.Varint).int64(rejectedSpans)
  writer.tag(2, WireType.LengthDelimited).string(errorMessage)
  return writer.join().finish()
}

/** google.rpc.Code, as far as it is used here. */
export const STATUS = { invalidArgument: 3, resourceExhausted: 8, internal: 13, unavailable: 14 } as const

/** google.rpc.Status, the body of every 4xx and 5xx. */
export function encodeStatus(code: number, message: string, encoding: Encoding): Uint8Array {
  if (encoding === 'json') return Buffer.from(JSON.stringify({ code, message }))
  const writer = new BinaryWriter()
  writer.tag(1, WireType.Varint).int32(code)
  writer.tag(2, WireType.LengthDelimited).string(message.toWellFormed())
  return writer.finish()
}

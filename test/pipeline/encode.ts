import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'

/** OTLP by hand, independent of what is tested: a span as protobuf bytes, and the same one as OTLP/JSON. */
export type Sample =
  | string
  | boolean
  | bigint
  | number
  | Uint8Array
  | undefined
  | Sample[]
  | { [key: string]: Sample }

export interface SampleSpan {
  traceId?: string
  spanId?: string
  parentSpanId?: string
  traceState?: string
  name?: string
  kind?: number
  startNs?: bigint
  endNs?: bigint
  attributes?: Record<string, Sample>
  events?: { timeNs: bigint; name: string; attributes?: Record<string, Sample> }[]
  links?: { traceId: string; spanId: string; attributes?: Record<string, Sample> }[]
  status?: { code: number; message?: string }
}

export interface SampleBatch {
  resource?: Record<string, Sample>
  scope?: { name: string; version: string }
  spans: SampleSpan[]
}

export const TRACE = '0af7651916cd43dd8448eb211c80319c'
export const SPAN = 'b7ad6b7169203331'
export const START_NS = 1_763_000_000_123_456_789n

const BASE = {
  traceId: TRACE,
  spanId: SPAN,
  name: 'execute_tool lookup_customer',
  kind: 1,
  startNs: START_NS,
  endNs: START_NS + 1_500_000n,
}
export const aSpan = (span: SampleSpan = {}): SampleSpan => ({ ...BASE, ...span })

const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex')
const message = (writer: BinaryWriter, no: number, write: () => void): void => {
  writer.tag(no, WireType.LengthDelimited).fork()
  write()
  writer.join()
}

export function encodeProtobuf({ resource = {}, scope, spans }: SampleBatch): Uint8Array {
  const writer = new BinaryWriter()
  message(writer, 1, () => {
    message(writer, 1, () => writeAttributes(writer, 1, resource))
    message(writer, 2, () => {
      message(writer, 1, () => {
        writer.tag(1, WireType.LengthDelimited).string(scope?.name ?? '')
        writer.tag(2, WireType.LengthDelimited).string(scope?.version ?? '')
      })
      for (const span of spans) message(writer, 2, () => writeSpan(writer, span))
    })
  })
  return writer.finish()
}

function writeSpan(writer: BinaryWriter, span: SampleSpan): void {
  if (span.traceId !== undefined) writer.tag(1, WireType.LengthDelimited).bytes(bytes(span.traceId))
  if (span.spanId !== undefined) writer.tag(2, WireType.LengthDelimited).bytes(bytes(span.spanId))
  if (span.traceState !== undefined) writer.tag(3, WireType.LengthDelimited).string(span.traceState)
  if (span.parentSpanId !== undefined) writer.tag(4, WireType.LengthDelimited).bytes(bytes(span.parentSpanId))
  if (span.name !== undefined) writer.tag(5, WireType.LengthDelimited).string(span.name)
  if (span.kind !== undefined) writer.tag(6, WireType.Varint).int32(span.kind)
  if (span.startNs !== undefined) writer.tag(7, WireType.Bit64).fixed64(span.startNs)
  if (span.endNs !== undefined) writer.tag(8, WireType.Bit64).fixed64(span.endNs)
  writeAttributes(writer, 9, span.attributes ?? {})
  for (const event of span.events ?? [])
    message(writer, 11, () => {
      writer.tag(1, WireType.Bit64).fixed64(event.timeNs)
      writer.tag(2, WireType.LengthDelimited).string(event.name)
      writeAttributes(writer, 3, event.attributes ?? {})
    })
  for (const link of span.links ?? [])
    message(writer, 13, () => {
      writer.tag(1, WireType.LengthDelimited).bytes(bytes(link.traceId))
      writer.tag(2, WireType.LengthDelimited).bytes(bytes(link.spanId))
      writeAttributes(writer, 4, link.attributes ?? {})
    })
  const { status } = span
  if (status)
    message(writer, 15, () => {
      if (status.message !== undefined) writer.tag(2, WireType.LengthDelimited).string(status.message)
      writer.tag(3, WireType.Varint).int32(status.code)
    })
}

function writeAttributes(writer: BinaryWriter, no: number, attributes: Record<string, Sample>): void {
  for (const [key, value] of Object.entries(attributes))
    message(writer, no, () => {
      writer.tag(1, WireType.LengthDelimited).string(key)
      message(writer, 2, () => writeValue(writer, value))
    })
}

export function writeValue(writer: BinaryWriter, value: Sample): void {
  if (value === undefined) return
  if (typeof value === 'string') writer.tag(1, WireType.LengthDelimited).string(value)
  else if (typeof value === 'boolean') writer.tag(2, WireType.Varint).bool(value)
  else if (typeof value === 'bigint') writer.tag(3, WireType.Varint).int64(value)
  else if (typeof value === 'number') writer.tag(4, WireType.Bit64).double(value)
  else if (value instanceof Uint8Array) writer.tag(7, WireType.LengthDelimited).bytes(value)
  else if (Array.isArray(value))
    message(writer, 5, () => {
      for (const item of value) message(writer, 1, () => writeValue(writer, item))
    })
  else message(writer, 6, () => writeAttributes(writer, 1, value))
}

export function encodeJson({ resource = {}, scope, spans }: SampleBatch): Uint8Array {
  const batch = {
    resourceSpans: [
      {
        resource: { attributes: jsonAttributes(resource) },
        scopeSpans: [{ scope: scope ?? {}, spans: spans.map(jsonSpan) }],
      },
    ],
  }
  return Buffer.from(JSON.stringify(batch))
}

const jsonSpan = ({ startNs, endNs, attributes, events, links, ...rest }: SampleSpan): object => ({
  ...rest,
  startTimeUnixNano: startNs === undefined ? undefined : String(startNs),
  endTimeUnixNano: endNs === undefined ? undefined : String(endNs),
  attributes: jsonAttributes(attributes ?? {}),
  events: events?.map((event) => ({
    timeUnixNano: String(event.timeNs),
    name: event.name,
    attributes: jsonAttributes(event.attributes ?? {}),
  })),
  links: links?.map((link) => ({ ...link, attributes: jsonAttributes(link.attributes ?? {}) })),
})

const jsonAttributes = (attributes: Record<string, Sample>): object[] =>
  Object.entries(attributes).map(([key, value]) => ({ key, value: jsonValue(value) }))

function jsonValue(value: Sample): object {
  if (value === undefined) return {}
  if (typeof value === 'string') return { stringValue: value }
  if (typeof value === 'boolean') return { boolValue: value }
  if (typeof value === 'bigint') return { intValue: String(value) }
  if (typeof value === 'number') return { doubleValue: value }
  if (value instanceof Uint8Array) return { bytesValue: Buffer.from(value).toString('base64') }
  if (Array.isArray(value)) return { arrayValue: { values: value.map(jsonValue) } }
  return { kvlistValue: { values: jsonAttributes(value) } }
}

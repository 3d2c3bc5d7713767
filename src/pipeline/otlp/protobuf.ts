import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import { HoldpointError } from '#contract'
import {
  type AnyValue,
  type Attributes,
  createPartCounter,
  emptySpan,
  MAX_VALUE_DEPTH,
  type ResourceSpans,
  type ScopeSpans,
  type Span,
  type SpanEvent,
  type SpanLink,
} from './span.ts'

/**
 * Decodes an ExportTraceServiceRequest (opentelemetry-proto v1.11), unknown fields skipped.
 * Throws INVALID_INPUT where the bytes are no such message, PAYLOAD_TOO_LARGE where they would fill the memory.
 */
export function decodeProtobuf(body: Uint8Array): ResourceSpans[] {
  const result: ResourceSpans[] = []
  const source: Source = { reader: new BinaryReader(body), count: createPartCounter(body.length) }
  try {
    readFields(source, body.length, (field) => {
      if (field.no === 1) result.push(readResourceSpans(source, enter(source, field)))
      else return false
      return true
    })
  } catch (cause) {
    if (cause instanceof HoldpointError) throw cause
    throw malformed(source, (cause as Error).message, cause)
  }
  return result
}

interface Source {
  reader: BinaryReader
  count: () => void
}
interface Field {
  no: number
  wire: WireType
}

/** Runs over the fields of one message. `take` returns false for a field that it does not know. */
function readFields(source: Source, end: number, take: (field: Field) => boolean): void {
  const { reader } = source
  while (reader.pos < end) {
    const [no, wire] = reader.tag()
    if (!take({ no, wire })) reader.skip(wire, no)
  }
  // A field that runs past the end of its message would read its neighbour's bytes as its own.
  if (reader.pos !== end) throw malformed(source, 'a field runs past the end of its message')
}

function readResourceSpans(source: Source, end: number): ResourceSpans {
  const result: ResourceSpans = { resource: new Map(), scopes: [] }
  readFields(source, end, (field) => {
    if (field.no === 1) readResource(source, enter(source, field), result.resource)
    else if (field.no === 2) result.scopes.push(readScopeSpans(source, enter(source, field)))
    else return false
    return true
  })
  return result
}

function readResource(source: Source, end: number, into: Attributes): void {
  readFields(source, end, (field) => {
    if (field.no !== 1) return false
    readKeyValue(source, enter(source, field), into, 0)
    return true
  })
}

function readScopeSpans(source: Source, end: number): ScopeSpans {
  const result: ScopeSpans = { name: '', version: '', spans: [] }
  readFields(source, end, (field) => {
    if (field.no === 1) readScope(source, enter(source, field), result)
    else if (field.no === 2) result.spans.push(readSpan(source, enter(source, field)))
    else return false
    return true
  })
  return result
}

function readScope(source: Source, end: number, into: ScopeSpans): void {
  readFields(source, end, (field) => {
    if (field.no === 1) into.name = text(source, field)
    else if (field.no === 2) into.version = text(source, field)
    else return false
    return true
  })
}

function readSpan(source: Source, end: number): Span {
  const span = emptySpan()
  readFields(source, end, (field) => {
    switch (field.no) {
      case 1:
        span.traceId = id(source, field)
        return true
      case 2:
        span.spanId = id(source, field)
        return true
      case 3:
        span.traceState = text(source, field)
        return true
      case 4:
        span.parentSpanId = id(source, field)
        return true
      case 5:
        span.name = text(source, field)
        return true
      case 6:
        span.kind = enumeration(source, field)
        return true
      case 7:
        span.startNs = time(source, field)
        return true
      case 8:
        span.endNs = time(source, field)
        return true
      case 9:
        readKeyValue(source, enter(source, field), span.attributes, 0)
        return true
      case 11:
        span.events.push(readEvent(source, enter(source, field)))
        return true
      case 13:
        span.links.push(readLink(source, enter(source, field)))
        return true
      case 15:
        readStatus(source, enter(source, field), span)
        return true
      default:
        return false
    }
  })
  return span
}

function readEvent(source: Source, end: number): SpanEvent {
  const event: SpanEvent = { timeNs: 0n, name: '', attributes: new Map() }
  readFields(source, end, (field) => {
    if (field.no === 1) event.timeNs = time(source, field)
    else if (field.no === 2) event.name = text(source, field)
    else if (field.no === 3) readKeyValue(source, enter(source, field), event.attributes, 0)
    else return false
    return true
  })
  return event
}

function readLink(source: Source, end: number): SpanLink {
  const link: SpanLink = { traceId: '', spanId: '', traceState: '', attributes: new Map() }
  readFields(source, end, (field) => {
    if (field.no === 1) link.traceId = id(source, field)
    else if (field.no === 2) link.spanId = id(source, field)
    else if (field.no === 3) link.traceState = text(source, field)
    else if (field.no === 4) readKeyValue(source, enter(source, field), link.attributes, 0)
    else return false
    return true
  })
  return link
}

function readStatus(source: Source, end: number, span: Span): void {
  readFields(source, end, (field) => {
    if (field.no === 2) span.statusMessage = text(source, field)
    else if (field.no === 3) span.statusCode = enumeration(source, field)
    else return false
    return true
  })
}

/** `key_strindex` (3) is for profiles, where there is a string table; here it is skipped like any unknown field. */
function readKeyValue(source: Source, end: number, into: Attributes, depth: number): void {
  let key = ''
  let value: AnyValue
  readFields(source, end, (field) => {
    if (field.no === 1) key = text(source, field)
    else if (field.no === 2) value = readValue(source, enter(source, field), depth)
    else return false
    return true
  })
  into.set(key, value)
}

/** A oneof: the last that is written counts. `string_value_strindex` (8) has no meaning here and leaves it empty. */
function readValue(source: Source, end: number, depth: number): AnyValue {
  if (depth >= MAX_VALUE_DEPTH)
    throw malformed(source, `attribute values are nested deeper than ${MAX_VALUE_DEPTH}`)
  let value: AnyValue
  readFields(source, end, (field) => {
    switch (field.no) {
      case 1:
        value = text(source, field)
        return true
      case 2:
        value = expect(source, field, WireType.Varint).bool()
        return true
      case 3:
        value = BigInt(expect(source, field, WireType.Varint).int64())
        return true
      case 4:
        value = expect(source, field, WireType.Bit64).double()
        return true
      case 5:
        value = readList(source, enter(source, field), depth + 1)
        return true
      case 6:
        value = readMap(source, enter(source, field), depth + 1)
        return true
      case 7:
        value = expect(source, field, WireType.LengthDelimited).bytes()
        return true
      default:
        return false
    }
  })
  return value
}

function readList(source: Source, end: number, depth: number): AnyValue[] {
  const values: AnyValue[] = []
  readFields(source, end, (field) => {
    if (field.no !== 1) return false
    values.push(readValue(source, enter(source, field), depth))
    return true
  })
  return values
}

function readMap(source: Source, end: number, depth: number): Attributes {
  const values: Attributes = new Map()
  readFields(source, end, (field) => {
    if (field.no !== 1) return false
    readKeyValue(source, enter(source, field), values, depth)
    return true
  })
  return values
}

/** Steps into an embedded message and returns where it ends. */
function enter(source: Source, field: Field): number {
  source.count()
  const length = expect(source, field, WireType.LengthDelimited).uint32()
  const end = source.reader.pos + length
  if (end > source.reader.len) throw malformed(source, `a message of ${length} bytes is cut short`)
  return end
}

function expect(source: Source, { no, wire }: Field, expected: WireType): BinaryReader {
  if (wire === expected) return source.reader
  throw malformed(source, `field ${no} has wire type ${wire}, expected ${expected}`)
}

const text = (source: Source, field: Field): string =>
  expect(source, field, WireType.LengthDelimited).string()

const id = (source: Source, field: Field): string =>
  Buffer.from(expect(source, field, WireType.LengthDelimited).bytes()).toString('hex')

const time = (source: Source, field: Field): bigint => BigInt(expect(source, field, WireType.Bit64).fixed64())

const enumeration = (source: Source, field: Field): number => expect(source, field, WireType.Varint).int32()

const malformed = ({ reader }: Source, what: string, cause?: unknown): HoldpointError =>
  new HoldpointError('INVALID_INPUT', `OTLP protobuf: ${what}, at byte ${reader.pos}`, { cause })

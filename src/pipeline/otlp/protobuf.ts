import type { Range } from './ranges.ts'
import {
  type AnyValue,
  type Attributes,
  emptySpan,
  type Span,
  type SpanEvent,
  type SpanLink,
} from './span.ts'
import {
  type Cursor,
  readDouble,
  readFixed64,
  readInt32,
  readLength,
  readVarint32,
  readVarint64,
  skipField,
} from './wire.ts'

/**
 * Decodes what has been checked before: these readers rely on it that no field has another wire type than its own,
 * that nothing runs past its end, and that values are nested no deeper than they may be.
 */
export function decodeSpan(body: Uint8Array, { from, to }: Range): Span {
  const span = emptySpan()
  const reader = readerOf(body, from)
  readFields(reader, to, (no) => {
    switch (no) {
      case 1:
        span.traceId = readId(reader)
        return true
      case 2:
        span.spanId = readId(reader)
        return true
      case 3:
        span.traceState = readText(reader)
        return true
      case 4:
        span.parentSpanId = readId(reader)
        return true
      case 5:
        span.name = readText(reader)
        return true
      case 6:
        span.kind = readInt32(reader)
        return true
      case 7:
        span.startNs = readFixed64(reader)
        return true
      case 8:
        span.endNs = readFixed64(reader)
        return true
      case 9:
        readKeyValue(reader, span.attributes)
        return true
      case 11:
        span.events.push(readEvent(reader))
        return true
      case 13:
        span.links.push(readLink(reader))
        return true
      case 15:
        readStatus(reader, span)
        return true
      default:
        return false
    }
  })
  return span
}

function readEvent(reader: Reader): SpanEvent {
  const event: SpanEvent = { timeNs: 0n, name: '', attributes: new Map() }
  readFields(reader, readEnd(reader), (no) => {
    if (no === 1) event.timeNs = readFixed64(reader)
    else if (no === 2) event.name = readText(reader)
    else if (no === 3) readKeyValue(reader, event.attributes)
    else return false
    return true
  })
  return event
}

function readLink(reader: Reader): SpanLink {
  const link: SpanLink = { traceId: '', spanId: '', traceState: '', attributes: new Map() }
  readFields(reader, readEnd(reader), (no) => {
    if (no === 1) link.traceId = readId(reader)
    else if (no === 2) link.spanId = readId(reader)
    else if (no === 3) link.traceState = readText(reader)
    else if (no === 4) readKeyValue(reader, link.attributes)
    else return false
    return true
  })
  return link
}

function readStatus(reader: Reader, span: Span): void {
  readFields(reader, readEnd(reader), (no) => {
    if (no === 2) span.statusMessage = readText(reader)
    else if (no === 3) span.statusCode = readInt32(reader)
    else return false
    return true
  })
}

/** Of a Resource, whose attributes are its field 1. */
export const decodeAttributes = (body: Uint8Array, { from, to }: Range): Attributes =>
  readAttributes(readerOf(body, from), to)

/** A list of KeyValue as field 1: those of a Resource, and a value that is a map. */
function readAttributes(reader: Reader, end: number): Attributes {
  const attributes: Attributes = new Map()
  readFields(reader, end, (no) => {
    if (no !== 1) return false
    readKeyValue(reader, attributes)
    return true
  })
  return attributes
}

export function decodeScope(body: Uint8Array, { from, to }: Range): { name: string; version: string } {
  const scope = { name: '', version: '' }
  const reader = readerOf(body, from)
  readFields(reader, to, (no) => {
    if (no === 1) scope.name = readText(reader)
    else if (no === 2) scope.version = readText(reader)
    else return false
    return true
  })
  return scope
}

export function decodeKey(body: Uint8Array, { from, to }: Range): string {
  let key = ''
  const reader = readerOf(body, from)
  readFields(reader, to, (no) => {
    if (no !== 1) return false
    key = readText(reader)
    return true
  })
  return key
}

/** Of two equal keys the later counts. A span has dozens: without `readFields`, which needs a function for each. */
function readKeyValue(reader: Reader, into: Attributes): void {
  const end = readEnd(reader)
  let key = ''
  let value: AnyValue
  while (reader.at < end) {
    const tag = readVarint32(reader)
    if (tag >>> 3 === 1) key = readText(reader)
    else if (tag >>> 3 === 2) value = readValue(reader, readEnd(reader))
    else skipField(reader, tag, end)
  }
  into.set(key, value)
}

export const decodeValue = (body: Uint8Array, { from, to }: Range): AnyValue =>
  readValue(readerOf(body, from), to)

function readValue(reader: Reader, end: number): AnyValue {
  let value: AnyValue
  while (reader.at < end) {
    const tag = readVarint32(reader)
    switch (tag >>> 3) {
      case 1:
        value = readText(reader)
        break
      case 2:
        value = readVarint64(reader) !== 0n
        break
      case 3:
        value = BigInt.asIntN(64, readVarint64(reader))
        break
      case 4:
        value = readDouble(reader)
        break
      case 5:
        value = readList(reader, readEnd(reader))
        break
      case 6:
        value = readAttributes(reader, readEnd(reader))
        break
      case 7:
        value = readBytes(reader)
        break
      default:
        skipField(reader, tag, end)
    }
  }
  return value
}

function readList(reader: Reader, end: number): AnyValue[] {
  const values: AnyValue[] = []
  readFields(reader, end, (no) => {
    if (no !== 1) return false
    values.push(readValue(reader, readEnd(reader)))
    return true
  })
  return values
}

/** What is read, and where. */
interface Reader extends Cursor {
  /** The same bytes, as they become text. */
  texts: Buffer
}

const readerOf = (bytes: Uint8Array, at: number): Reader => ({
  bytes,
  at,
  texts: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
})

/** Runs over the fields of one message. `take` returns false for a field that it does not know. */
function readFields(reader: Reader, end: number, take: (no: number) => boolean): void {
  while (reader.at < end) {
    const tag = readVarint32(reader)
    if (!take(tag >>> 3)) skipField(reader, tag, end)
  }
}

/** Where the message ends that stands here; the reader moves to where it begins. */
const readEnd = (reader: Reader): number => readLength(reader, reader.bytes.length) + reader.at

/** UTF-8 as it stands, as `textOf` reads it. */
function readText(reader: Reader): string {
  const end = readEnd(reader)
  const text = reader.texts.toString('utf8', reader.at, end)
  reader.at = end
  return text
}

function readId(reader: Reader): string {
  const end = readEnd(reader)
  const id = reader.texts.toString('hex', reader.at, end)
  reader.at = end
  return id
}

function readBytes(reader: Reader): Uint8Array {
  const end = readEnd(reader)
  const bytes = Uint8Array.from(reader.bytes.subarray(reader.at, end))
  reader.at = end
  return bytes
}

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
  textOf,
} from './wire.ts'

/**
 * Decodes what has been checked before: these readers rely on it that no field has another wire type than its own,
 * that nothing runs past its end, and that values are nested no deeper than they may be.
 */
export function decodeSpan(body: Uint8Array, range: Range): Span {
  const span = emptySpan()
  readFields(body, range, (cursor, no) => {
    switch (no) {
      case 1:
        span.traceId = readId(cursor)
        return true
      case 2:
        span.spanId = readId(cursor)
        return true
      case 3:
        span.traceState = readText(cursor)
        return true
      case 4:
        span.parentSpanId = readId(cursor)
        return true
      case 5:
        span.name = readText(cursor)
        return true
      case 6:
        span.kind = readInt32(cursor)
        return true
      case 7:
        span.startNs = readFixed64(cursor)
        return true
      case 8:
        span.endNs = readFixed64(cursor)
        return true
      case 9:
        readKeyValue(cursor, span.attributes)
        return true
      case 11:
        span.events.push(decodeEvent(body, readRange(cursor)))
        return true
      case 13:
        span.links.push(decodeLink(body, readRange(cursor)))
        return true
      case 15:
        readStatus(body, readRange(cursor), span)
        return true
      default:
        return false
    }
  })
  return span
}

function decodeEvent(body: Uint8Array, range: Range): SpanEvent {
  const event: SpanEvent = { timeNs: 0n, name: '', attributes: new Map() }
  readFields(body, range, (cursor, no) => {
    if (no === 1) event.timeNs = readFixed64(cursor)
    else if (no === 2) event.name = readText(cursor)
    else if (no === 3) readKeyValue(cursor, event.attributes)
    else return false
    return true
  })
  return event
}

function decodeLink(body: Uint8Array, range: Range): SpanLink {
  const link: SpanLink = { traceId: '', spanId: '', traceState: '', attributes: new Map() }
  readFields(body, range, (cursor, no) => {
    if (no === 1) link.traceId = readId(cursor)
    else if (no === 2) link.spanId = readId(cursor)
    else if (no === 3) link.traceState = readText(cursor)
    else if (no === 4) readKeyValue(cursor, link.attributes)
    else return false
    return true
  })
  return link
}

function readStatus(body: Uint8Array, range: Range, span: Span): void {
  readFields(body, range, (cursor, no) => {
    if (no === 2) span.statusMessage = readText(cursor)
    else if (no === 3) span.statusCode = readInt32(cursor)
    else return false
    return true
  })
}

/** Of a Resource, whose attributes are its field 1. */
export function decodeAttributes(body: Uint8Array, range: Range, attributesNo = 1): Attributes {
  const attributes: Attributes = new Map()
  readFields(body, range, (cursor, no) => {
    if (no !== attributesNo) return false
    readKeyValue(cursor, attributes)
    return true
  })
  return attributes
}

export function decodeScope(body: Uint8Array, range: Range): { name: string; version: string } {
  const scope = { name: '', version: '' }
  readFields(body, range, (cursor, no) => {
    if (no === 1) scope.name = readText(cursor)
    else if (no === 2) scope.version = readText(cursor)
    else return false
    return true
  })
  return scope
}

export function decodeKey(body: Uint8Array, range: Range): string {
  let key = ''
  readFields(body, range, (cursor, no) => {
    if (no !== 1) return false
    key = readText(cursor)
    return true
  })
  return key
}

/** Of two equal keys the later counts. */
function readKeyValue(from: Cursor, into: Attributes): void {
  let key = ''
  let value: AnyValue
  const { bytes } = from
  readFields(bytes, readRange(from), (cursor, no) => {
    if (no === 1) key = readText(cursor)
    else if (no === 2) value = decodeValue(bytes, readRange(cursor))
    else return false
    return true
  })
  into.set(key, value)
}

export function decodeValue(body: Uint8Array, range: Range): AnyValue {
  let value: AnyValue
  readFields(body, range, (cursor, no) => {
    switch (no) {
      case 1:
        value = readText(cursor)
        return true
      case 2:
        value = readVarint64(cursor) !== 0n
        return true
      case 3:
        value = BigInt.asIntN(64, readVarint64(cursor))
        return true
      case 4:
        value = readDouble(cursor)
        return true
      case 5:
        value = readList(body, readRange(cursor))
        return true
      case 6:
        value = decodeAttributes(body, readRange(cursor))
        return true
      case 7: {
        const { from, to } = readRange(cursor)
        value = Uint8Array.from(body.subarray(from, to))
        return true
      }
      default:
        return false
    }
  })
  return value
}

function readList(body: Uint8Array, range: Range): AnyValue[] {
  const values: AnyValue[] = []
  readFields(body, range, (cursor, no) => {
    if (no !== 1) return false
    values.push(decodeValue(body, readRange(cursor)))
    return true
  })
  return values
}

/** Runs over the fields of one message. `take` returns false for a field that it does not know. */
function readFields(bytes: Uint8Array, range: Range, take: (cursor: Cursor, no: number) => boolean): void {
  const cursor: Cursor = { bytes, at: range.from }
  while (cursor.at < range.to) {
    const tag = readVarint32(cursor)
    if (!take(cursor, tag >>> 3)) skipField(cursor, tag, range.to)
  }
}

/** Where the message lies that stands here; the cursor moves behind it. */
function readRange(cursor: Cursor): Range {
  const length = readLength(cursor, cursor.bytes.length)
  const from = cursor.at
  cursor.at += length
  return { from, to: cursor.at }
}

function readText(cursor: Cursor): string {
  const { from, to } = readRange(cursor)
  return textOf(cursor.bytes, from, to)
}

function readId(cursor: Cursor): string {
  const { from, to } = readRange(cursor)
  return Buffer.from(cursor.bytes.buffer, cursor.bytes.byteOffset + from, to - from).toString('hex')
}

import type { Range } from '../otlp/ranges.ts'
import { WIRE } from '../otlp/schema.ts'
import { type Cursor, readInt32, readVarint32, skipField } from '../otlp/wire.ts'
import type { RowWriter } from '../row-binary.ts'
import { createAttributeRanges } from './attributes.ts'
import { bytesField, fixedField, varintField } from './fields.ts'
import { createNestedCopier } from './nested.ts'
import { writeDuration, writeTime } from './time.ts'
import { KINDS, STATUS_CODES, writeWord } from './words.ts'

const SPAN = {
  traceId: bytesField(1),
  spanId: bytesField(2),
  traceState: bytesField(3),
  parentSpanId: bytesField(4),
  name: bytesField(5),
  kind: varintField(6),
  start: fixedField(7),
  end: fixedField(8),
  attribute: bytesField(9),
  event: bytesField(11),
  link: bytesField(13),
  status: bytesField(15),
} as const
const STATUS = { message: bytesField(2), code: varintField(3) } as const

/**
 * Copies one span from its protobuf into a row of `otel_traces`. `shared` are the columns from ServiceName to
 * ScopeVersion.
 */
export type SpanCopier = (writer: RowWriter, bytes: Uint8Array, span: Range, shared: Uint8Array) => void

export function createSpanCopier(): SpanCopier {
  const cursor: Cursor = { bytes: new Uint8Array(), at: 0 }
  const attributes = createAttributeRanges()
  const nested = createNestedCopier()
  /** Of events and links, from and to in turns. */
  const events: number[] = []
  const links: number[] = []

  return (writer, bytes, span, shared) => {
    attributes.clear()
    events.length = 0
    links.length = 0
    let [traceId, traceIdTo, spanId, spanIdTo, parentId, parentIdTo] = [0, 0, 0, 0, 0, 0]
    let [state, stateTo, name, nameTo, message, messageTo] = [0, 0, 0, 0, 0, 0]
    let [start, end, kind, code] = [-1, -1, 0, 0]

    cursor.bytes = bytes
    cursor.at = span.from
    while (cursor.at < span.to) {
      const tag = readVarint32(cursor)
      const to = (tag & 7) === WIRE.bytes ? readVarint32(cursor) + cursor.at : 0
      switch (tag) {
        case SPAN.traceId:
          traceId = cursor.at
          traceIdTo = to
          break
        case SPAN.spanId:
          spanId = cursor.at
          spanIdTo = to
          break
        case SPAN.traceState:
          state = cursor.at
          stateTo = to
          break
        case SPAN.parentSpanId:
          parentId = cursor.at
          parentIdTo = to
          break
        case SPAN.name:
          name = cursor.at
          nameTo = to
          break
        case SPAN.kind:
          kind = readInt32(cursor)
          break
        case SPAN.start:
          start = cursor.at
          cursor.at += 8
          break
        case SPAN.end:
          end = cursor.at
          cursor.at += 8
          break
        case SPAN.attribute:
          attributes.add(cursor, to)
          break
        case SPAN.event:
          events.push(cursor.at, to)
          break
        case SPAN.link:
          links.push(cursor.at, to)
          break
        case SPAN.status:
          while (cursor.at < to) {
            const inner = readVarint32(cursor)
            if (inner === STATUS.message) {
              messageTo = readVarint32(cursor) + cursor.at
              message = cursor.at
              cursor.at = messageTo
            } else if (inner === STATUS.code) code = readInt32(cursor)
            else skipField(cursor, inner, to)
          }
          break
        default:
          if (to === 0) skipField(cursor, tag, span.to)
      }
      if (to !== 0) cursor.at = to
    }

    writeTime(writer, bytes, start)
    writer.hex(bytes, traceId, traceIdTo)
    writer.hex(bytes, spanId, spanIdTo)
    writer.hex(bytes, parentId, isZero(bytes, parentId, parentIdTo) ? parentId : parentIdTo)
    writer.copy(bytes, state, stateTo)
    writer.copy(bytes, name, nameTo)
    writeWord(writer, KINDS, kind)
    writer.encoded(shared)
    attributes.write(writer, bytes)
    writeDuration(writer, bytes, start, end)
    writeWord(writer, STATUS_CODES, code)
    writer.copy(bytes, message, messageTo)
    if (events.length === 0 && links.length === 0) return writeEmptyLists(writer)
    nested.events(writer, bytes, events)
    nested.links(writer, bytes, links)
  }
}

function isZero(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at] !== 0) return false
  return true
}

/** Three columns of events, four of links. */
const EMPTY_LISTS = new Uint8Array(7)
const writeEmptyLists = (writer: RowWriter): void => writer.encoded(EMPTY_LISTS)

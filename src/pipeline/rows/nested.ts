import { WIRE } from '../otlp/schema.ts'
import { type Cursor, readVarint32, skipField } from '../otlp/wire.ts'
import type { RowWriter } from '../row-binary.ts'
import { createAttributeRanges } from './attributes.ts'
import { bytesField, fixedField } from './fields.ts'
import { writeTime } from './time.ts'

const EVENT = { time: fixedField(1), name: bytesField(2), attribute: bytesField(3) } as const
const LINK = {
  traceId: bytesField(1),
  spanId: bytesField(2),
  traceState: bytesField(3),
  attribute: bytesField(4),
} as const

/** Where the messages of one list lie: from and to in turns. */
export type Ranges = readonly number[]

/**
 * Events and links of a span, a list for each of their columns. Few spans have any, so each column runs over the
 * messages anew.
 */
export interface NestedCopier {
  events(writer: RowWriter, bytes: Uint8Array, ranges: Ranges): void
  links(writer: RowWriter, bytes: Uint8Array, ranges: Ranges): void
}

export function createNestedCopier(): NestedCopier {
  const cursor: Cursor = { bytes: new Uint8Array(), at: 0 }
  const attributes = createAttributeRanges()

  /** `write` is called with an empty range where the field is not there, at -1. */
  function column(
    writer: RowWriter,
    ranges: Ranges,
    field: number,
    write: (at: number, to: number) => void,
  ): void {
    writer.varint(ranges.length / 2)
    for (let next = 0; next < ranges.length; next += 2) {
      const end = ranges[next + 1] as number
      let [found, foundTo] = [-1, -1]
      cursor.at = ranges[next] as number
      while (cursor.at < end) {
        const tag = readVarint32(cursor)
        const value = cursor.at
        skipField(cursor, tag, end)
        if (tag !== field) continue
        foundTo = cursor.at
        cursor.at = value
        if ((tag & 7) === WIRE.bytes) readVarint32(cursor)
        found = cursor.at
        cursor.at = foundTo
      }
      write(found, foundTo)
    }
  }

  function maps(writer: RowWriter, bytes: Uint8Array, ranges: Ranges, field: number): void {
    writer.varint(ranges.length / 2)
    for (let next = 0; next < ranges.length; next += 2) {
      const message = { from: ranges[next] as number, to: ranges[next + 1] as number }
      attributes.clear()
      attributes.addAll(bytes, message, field)
      attributes.write(writer, bytes)
    }
  }

  return {
    events(writer, bytes, ranges) {
      cursor.bytes = bytes
      column(writer, ranges, EVENT.time, (at) => writeTime(writer, bytes, at))
      column(writer, ranges, EVENT.name, (at, to) => writer.copy(bytes, at, to))
      maps(writer, bytes, ranges, EVENT.attribute)
    },
    links(writer, bytes, ranges) {
      cursor.bytes = bytes
      column(writer, ranges, LINK.traceId, (at, to) => writer.hex(bytes, at, to))
      column(writer, ranges, LINK.spanId, (at, to) => writer.hex(bytes, at, to))
      column(writer, ranges, LINK.traceState, (at, to) => writer.copy(bytes, at, to))
      maps(writer, bytes, ranges, LINK.attribute)
    },
  }
}

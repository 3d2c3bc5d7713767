import type { RowWriter } from '../row-binary.ts'
import { createAttributeRanges } from './attributes.ts'
import { createFields, type Fields } from './fields.ts'
import { writeId, writeTime } from './values.ts'

const EVENT = { time: 1, name: 2, attribute: 3 } as const
const LINK = { traceId: 1, spanId: 2, traceState: 3, attribute: 4 } as const

/** Lists of messages that become columns of lists. `no` is the field that holds them. */
export interface NestedCopier {
  events(writer: RowWriter, bytes: Uint8Array, span: Fields, no: number): void
  links(writer: RowWriter, bytes: Uint8Array, span: Fields, no: number): void
}

export function createNestedCopier(): NestedCopier {
  const fields = createFields()
  const attributes = createAttributeRanges()

  return {
    events(writer, bytes, span, no) {
      const column = (write: () => void) => writeColumn(writer, bytes, span, no, write)
      column(() => writeTime(writer, bytes, fields.at(EVENT.time)))
      column(() => writer.copy(bytes, fields.at(EVENT.name), fields.to(EVENT.name)))
      column(() => writeMap(writer, bytes, EVENT.attribute))
    },
    links(writer, bytes, span, no) {
      const column = (write: () => void) => writeColumn(writer, bytes, span, no, write)
      column(() => writeId(writer, bytes, fields.at(LINK.traceId), fields.to(LINK.traceId)))
      column(() => writeId(writer, bytes, fields.at(LINK.spanId), fields.to(LINK.spanId)))
      column(() => writer.copy(bytes, fields.at(LINK.traceState), fields.to(LINK.traceState)))
      column(() => writeMap(writer, bytes, LINK.attribute))
    },
  }

  /** Runs over the messages anew for each column: few spans have any. */
  function writeColumn(
    writer: RowWriter,
    bytes: Uint8Array,
    span: Fields,
    no: number,
    write: () => void,
  ): void {
    writer.varint(span.count(no))
    span.each(no, (at, to) => {
      fields.read(bytes, at, to)
      write()
    })
  }

  function writeMap(writer: RowWriter, bytes: Uint8Array, no: number): void {
    attributes.begin(bytes)
    fields.each(no, attributes.add)
    attributes.write(writer)
  }
}

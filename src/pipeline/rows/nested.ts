import type { RowWriter } from '../row-binary.ts'
import { createAttributeCopier } from './attributes.ts'
import { createFields, type Fields, writeColumn } from './fields.ts'
import { writeFixed64, writeId } from './values.ts'

const EVENT = { time: 1, name: 2, attribute: 3 } as const
const LINK = { traceId: 1, spanId: 2, traceState: 3, attribute: 4 } as const

/** Lists of messages that become columns of lists, each column by itself. `no` is the field that holds them. */
export interface NestedCopier {
  events(writer: RowWriter, bytes: Uint8Array, span: Fields, no: number): void
  links(writer: RowWriter, bytes: Uint8Array, span: Fields, no: number): void
}

export function createNestedCopier(): NestedCopier {
  const fields = createFields()
  const attributes = createAttributeCopier()

  return {
    events(writer, bytes, span, no) {
      const column = (write: () => void) => writeColumn(writer, bytes, span, no, fields, write)
      column(() => writeFixed64(writer, bytes, fields.at(EVENT.time)))
      column(() => writer.copy(bytes, fields.at(EVENT.name), fields.to(EVENT.name)))
      column(() => attributes.copy(writer, bytes, fields, EVENT.attribute))
    },
    links(writer, bytes, span, no) {
      const column = (write: () => void) => writeColumn(writer, bytes, span, no, fields, write)
      column(() => writeId(writer, bytes, fields.at(LINK.traceId), fields.to(LINK.traceId)))
      column(() => writeId(writer, bytes, fields.at(LINK.spanId), fields.to(LINK.spanId)))
      column(() => writer.copy(bytes, fields.at(LINK.traceState), fields.to(LINK.traceState)))
      column(() => attributes.copy(writer, bytes, fields, LINK.attribute))
    },
  }
}

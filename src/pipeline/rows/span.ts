import type { Range } from '../otlp/ranges.ts'
import type { RowWriter } from '../row-binary.ts'
import { createAttributeCopier } from './attributes.ts'
import { createFields } from './fields.ts'
import { createNestedCopier } from './nested.ts'
import { numberAt, writeDuration, writeFixed64, writeId } from './values.ts'
import { KINDS, STATUS_CODES, writeWord } from './words.ts'

const SPAN = {
  traceId: 1,
  spanId: 2,
  traceState: 3,
  parentSpanId: 4,
  name: 5,
  kind: 6,
  start: 7,
  end: 8,
  attribute: 9,
  event: 11,
  link: 13,
  status: 15,
} as const
const STATUS = { message: 2, code: 3 } as const

/**
 * Copies one span from its protobuf into a row of `otel_traces`. `shared` are the columns from ResourceAttributes to
 * ScopeVersion.
 */
export type SpanCopier = (writer: RowWriter, bytes: Uint8Array, span: Range, shared: Uint8Array) => void

export function createSpanCopier(): SpanCopier {
  const fields = createFields()
  const status = createFields()
  const attributes = createAttributeCopier()
  const nested = createNestedCopier()

  return (writer, bytes, { from, to }, shared) => {
    fields.read(bytes, from, to)
    writeFixed64(writer, bytes, fields.at(SPAN.start))
    writer.hex(bytes, fields.at(SPAN.traceId), fields.to(SPAN.traceId))
    writer.hex(bytes, fields.at(SPAN.spanId), fields.to(SPAN.spanId))
    writeId(writer, bytes, fields.at(SPAN.parentSpanId), fields.to(SPAN.parentSpanId))
    writer.copy(bytes, fields.at(SPAN.traceState), fields.to(SPAN.traceState))
    writer.copy(bytes, fields.at(SPAN.name), fields.to(SPAN.name))
    writeWord(writer, KINDS, numberAt(bytes, fields.at(SPAN.kind)))
    writer.encoded(shared)
    attributes.copy(writer, bytes, fields, SPAN.attribute)
    writeDuration(writer, bytes, fields.at(SPAN.start), fields.at(SPAN.end))
    status.read(bytes, fields.at(SPAN.status), fields.to(SPAN.status))
    writeWord(writer, STATUS_CODES, numberAt(bytes, status.at(STATUS.code)))
    writer.copy(bytes, status.at(STATUS.message), status.to(STATUS.message))
    nested.events(writer, bytes, fields, SPAN.event)
    nested.links(writer, bytes, fields, SPAN.link)
  }
}

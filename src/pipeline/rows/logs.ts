import type { RowBlock } from '#store'
import { dayOfTime, isZeroTime } from '../otlp/time.ts'
import { createAttributeCopier, writeAnyValue } from './attributes.ts'
import { createBlocks } from './blocks.ts'
import { createFields } from './fields.ts'
import { eachScope, GROUP_COLUMNS } from './groups.ts'
import { numberAt, writeFixed64, writeId } from './values.ts'

const LOGS = {
  table: 'otel_logs',
  columns: [
    'Timestamp',
    'TraceId',
    'SpanId',
    'TraceFlags',
    'SeverityText',
    'SeverityNumber',
    ...GROUP_COLUMNS,
    'Body',
    'LogAttributes',
    'EventName',
  ],
} as const

const RECORD = {
  time: 1,
  severityNumber: 2,
  severityText: 3,
  body: 5,
  attribute: 6,
  flags: 8,
  traceId: 9,
  spanId: 10,
  observedTime: 11,
  eventName: 12,
} as const

/**
 * The rows of `otel_logs`, as the Collector's ClickHouse exporter writes them, in blocks of the size of an insert.
 * `bodies` are ExportLogsServiceRequests. Throws INVALID_INPUT where one is not.
 */
export function* logBlocks(bodies: readonly Uint8Array[]): Generator<RowBlock> {
  const blocks = createBlocks(LOGS)
  const fields = createFields()
  const attributes = createAttributeCopier()

  for (const { body, items, shared } of eachScope('logs', bodies))
    for (const { from, to } of items) {
      fields.read(body, from, to)
      const row = blocks.writer()
      const rowAt = row.at
      // A record without a time of its own has the one at which it was collected.
      const hasTime = !isZeroTime(body, fields.at(RECORD.time))
      writeFixed64(row, body, fields.at(hasTime ? RECORD.time : RECORD.observedTime))
      writeId(row, body, fields.at(RECORD.traceId), fields.to(RECORD.traceId))
      writeId(row, body, fields.at(RECORD.spanId), fields.to(RECORD.spanId))
      row.uint8(fields.count(RECORD.flags) === 0 ? 0 : (body[fields.at(RECORD.flags)] as number))
      row.copy(body, fields.at(RECORD.severityText), fields.to(RECORD.severityText))
      row.uint8(numberAt(body, fields.at(RECORD.severityNumber)))
      row.encoded(shared)
      writeAnyValue(row, body, fields.at(RECORD.body), fields.to(RECORD.body))
      attributes.copy(row, body, fields, RECORD.attribute)
      row.copy(body, fields.at(RECORD.eventName), fields.to(RECORD.eventName))
      blocks.endRow(dayOfTime(row.bytes, rowAt), row.at - rowAt)
      yield* blocks.closed()
    }
  yield* blocks.finish()
}

import type { LedgerRow, RowBlock } from '#store'
import { plant } from '../incidents/plant.ts'
import type { Planted } from '../incidents/planted.ts'
import { logBlocks, requestedRecord } from '../logs.ts'
import { metricBlocks } from '../metrics/metrics.ts'
import type { SeedOptions } from '../options.ts'
import type { SpanSink } from '../spans/span.ts'
import { createSpanWriter } from '../spans/writer.ts'
import { createCasts } from '../traffic/cast.ts'
import { ordinaryTraffic } from '../traffic/ordinary.ts'
import { createWeek } from './week.ts'

/** A piece of the week, as it is to be written. */
export type Part =
  | { of: 'rows'; block: RowBlock }
  | { of: 'ledger'; rows: LedgerRow[] }
  /** Spans of the ordinary traffic so far. */
  | { of: 'progress'; spans: number }
  | { of: 'report'; incidents: Planted[] }

const ENTRIES_AT_ONCE = 5_000

/**
 * The same options give the same parts, byte for byte. Pure: nothing is written, and no clock is read. `watch` is told
 * of every span as well.
 */
export function* generateWeek(options: SeedOptions, watch?: SpanSink): Generator<Part> {
  const writer = createSpanWriter()
  const week = createWeek(options, watch === undefined ? writer : both(writer, watch))
  const casts = createCasts()
  const incidents = plant(week, casts)
  const { spans: planted } = writer.count()
  const entries: LedgerRow[] = []
  const spans = (): number => writer.count().spans - planted
  for (const { untilMs } of ordinaryTraffic(week, casts, spans)) {
    for (const block of writer.full()) yield { of: 'rows', block }
    entries.push(...week.ledger.write(untilMs))
    if (entries.length >= ENTRIES_AT_ONCE) yield { of: 'ledger', rows: entries.splice(0) }
    yield { of: 'progress', spans: spans() }
  }
  for (const block of writer.finish()) yield { of: 'rows', block }
  yield { of: 'ledger', rows: entries }
  const asked = week.requests.map(({ requested }) => requested).filter(({ at }) => at < week.untilMs)
  for (const block of logBlocks(asked.map(requestedRecord))) yield { of: 'rows', block }
  for (const block of metricBlocks(week)) yield { of: 'rows', block }
  yield { of: 'report', incidents }
}

const both = (one: SpanSink, other: SpanSink): SpanSink => ({
  add(text, place) {
    one.add(text, place)
    other.add(text, place)
  },
})

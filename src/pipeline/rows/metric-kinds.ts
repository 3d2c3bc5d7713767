import type { RowWriter } from '../row-binary.ts'
import { createFields, type Fields } from './fields.ts'
import { GROUP_COLUMNS } from './groups.ts'
import {
  EXEMPLAR_COLUMNS,
  type PointCopier,
  QUANTILE_COLUMNS,
  writeFixedList,
  writeNumber,
  writeVarintList,
} from './points.ts'
import { signedAt, writeFixed64 } from './values.ts'

/** What all five tables have, in the order in which it is written. */
export const SHARED_COLUMNS = [
  ...GROUP_COLUMNS,
  'ScopeDroppedAttrCount',
  'MetricName',
  'MetricDescription',
  'MetricUnit',
  'StartTimeUnix',
  'TimeUnix',
  'Attributes',
  'Flags',
] as const

/** One of the five: where its fields are, and how a point of it goes on behind the shared columns. */
export interface MetricKind {
  table: string
  /** The field of Metric that holds it. */
  no: number
  /** Fields of its data points. */
  attribute: number
  flags: number
  columns: readonly string[]
  write(
    row: RowWriter,
    bytes: Uint8Array,
    point: Fields,
    copier: PointCopier,
    about: { temporality: number; isMonotonic: boolean },
  ): void
}

const COUNT = 4
const SUM = 5

const gauge: MetricKind = {
  table: 'otel_metrics_gauge',
  no: 5,
  attribute: 7,
  flags: 8,
  columns: ['Value', ...EXEMPLAR_COLUMNS],
  write(row, bytes, point, copier) {
    writeNumber(row, bytes, point, 4, 6)
    copier.exemplars(row, bytes, point, 5)
  },
}

const sum: MetricKind = {
  ...gauge,
  table: 'otel_metrics_sum',
  no: 7,
  columns: [...gauge.columns, 'AggregationTemporality', 'IsMonotonic'],
  write(row, bytes, point, copier, about) {
    gauge.write(row, bytes, point, copier, about)
    row.int32(about.temporality)
    row.bool(about.isMonotonic)
  },
}

const histogram: MetricKind = {
  table: 'otel_metrics_histogram',
  no: 9,
  attribute: 9,
  flags: 10,
  columns: [
    'Count',
    'Sum',
    'BucketCounts',
    'ExplicitBounds',
    'Min',
    'Max',
    ...EXEMPLAR_COLUMNS,
    'AggregationTemporality',
  ],
  write(row, bytes, point, copier, { temporality }) {
    writeFixed64(row, bytes, point.at(COUNT))
    writeFixed64(row, bytes, point.at(SUM))
    writeFixedList(row, bytes, point, 6)
    writeFixedList(row, bytes, point, 7)
    writeFixed64(row, bytes, point.at(11))
    writeFixed64(row, bytes, point.at(12))
    copier.exemplars(row, bytes, point, 8)
    row.int32(temporality)
  },
}

const BUCKETS = { offset: 1, counts: 2 } as const
const buckets = createFields()

const exponential: MetricKind = {
  table: 'otel_metrics_exponential_histogram',
  no: 10,
  attribute: 1,
  flags: 10,
  columns: [
    'Count',
    'Sum',
    'Scale',
    'ZeroCount',
    'PositiveOffset',
    'PositiveBucketCounts',
    'NegativeOffset',
    'NegativeBucketCounts',
    'Min',
    'Max',
    ...EXEMPLAR_COLUMNS,
    'AggregationTemporality',
  ],
  write(row, bytes, point, copier, { temporality }) {
    writeFixed64(row, bytes, point.at(COUNT))
    writeFixed64(row, bytes, point.at(SUM))
    row.int32(signedAt(bytes, point.at(6)))
    writeFixed64(row, bytes, point.at(7))
    for (const side of [8, 9]) {
      buckets.read(bytes, point.at(side), point.to(side))
      row.int32(signedAt(bytes, buckets.at(BUCKETS.offset)))
      writeVarintList(row, bytes, buckets, BUCKETS.counts)
    }
    writeFixed64(row, bytes, point.at(12))
    writeFixed64(row, bytes, point.at(13))
    copier.exemplars(row, bytes, point, 11)
    row.int32(temporality)
  },
}

const summary: MetricKind = {
  table: 'otel_metrics_summary',
  no: 11,
  attribute: 7,
  flags: 8,
  columns: ['Count', 'Sum', ...QUANTILE_COLUMNS],
  write(row, bytes, point, copier) {
    writeFixed64(row, bytes, point.at(COUNT))
    writeFixed64(row, bytes, point.at(SUM))
    copier.quantiles(row, bytes, point, 6)
  },
}

export const KINDS: readonly MetricKind[] = [gauge, sum, histogram, exponential, summary]

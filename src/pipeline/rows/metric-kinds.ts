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

const NUMBER = { double: 4, exemplar: 5, int: 6, attribute: 7, flags: 8 } as const

const gauge: MetricKind = {
  table: 'otel_metrics_gauge',
  no: 5,
  attribute: NUMBER.attribute,
  flags: NUMBER.flags,
  columns: ['Value', ...EXEMPLAR_COLUMNS],
  write(row, bytes, point, copier) {
    writeNumber(row, bytes, point, NUMBER.double, NUMBER.int)
    copier.exemplars(row, bytes, point, NUMBER.exemplar)
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

const HISTOGRAM = {
  count: 4,
  sum: 5,
  buckets: 6,
  bounds: 7,
  exemplar: 8,
  attribute: 9,
  flags: 10,
  min: 11,
  max: 12,
} as const

const histogram: MetricKind = {
  table: 'otel_metrics_histogram',
  no: 9,
  attribute: HISTOGRAM.attribute,
  flags: HISTOGRAM.flags,
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
    writeFixed64(row, bytes, point.at(HISTOGRAM.count))
    writeFixed64(row, bytes, point.at(HISTOGRAM.sum))
    writeFixedList(row, bytes, point, HISTOGRAM.buckets)
    writeFixedList(row, bytes, point, HISTOGRAM.bounds)
    writeFixed64(row, bytes, point.at(HISTOGRAM.min))
    writeFixed64(row, bytes, point.at(HISTOGRAM.max))
    copier.exemplars(row, bytes, point, HISTOGRAM.exemplar)
    row.int32(temporality)
  },
}

const EXPONENTIAL = {
  attribute: 1,
  count: 4,
  sum: 5,
  scale: 6,
  zeroCount: 7,
  positive: 8,
  negative: 9,
  flags: 10,
  exemplar: 11,
  min: 12,
  max: 13,
} as const
const BUCKETS = { offset: 1, counts: 2 } as const
const buckets = createFields()

const exponential: MetricKind = {
  table: 'otel_metrics_exponential_histogram',
  no: 10,
  attribute: EXPONENTIAL.attribute,
  flags: EXPONENTIAL.flags,
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
    writeFixed64(row, bytes, point.at(EXPONENTIAL.count))
    writeFixed64(row, bytes, point.at(EXPONENTIAL.sum))
    row.int32(signedAt(bytes, point.at(EXPONENTIAL.scale)))
    writeFixed64(row, bytes, point.at(EXPONENTIAL.zeroCount))
    for (const side of [EXPONENTIAL.positive, EXPONENTIAL.negative]) {
      buckets.read(bytes, point.at(side), point.to(side))
      row.int32(signedAt(bytes, buckets.at(BUCKETS.offset)))
      writeVarintList(row, bytes, buckets, BUCKETS.counts)
    }
    writeFixed64(row, bytes, point.at(EXPONENTIAL.min))
    writeFixed64(row, bytes, point.at(EXPONENTIAL.max))
    copier.exemplars(row, bytes, point, EXPONENTIAL.exemplar)
    row.int32(temporality)
  },
}

const SUMMARY = { count: 4, sum: 5, quantile: 6, attribute: 7, flags: 8 } as const

const summary: MetricKind = {
  table: 'otel_metrics_summary',
  no: 11,
  attribute: SUMMARY.attribute,
  flags: SUMMARY.flags,
  columns: ['Count', 'Sum', ...QUANTILE_COLUMNS],
  write(row, bytes, point, copier) {
    writeFixed64(row, bytes, point.at(SUMMARY.count))
    writeFixed64(row, bytes, point.at(SUMMARY.sum))
    copier.quantiles(row, bytes, point, SUMMARY.quantile)
  },
}

export const KINDS: readonly MetricKind[] = [gauge, sum, histogram, exponential, summary]

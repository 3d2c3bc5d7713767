import type { RowBlock } from '#store'
import { type Blocks, createBlocks } from '../spans/blocks.ts'
import { createBytes } from '../spans/bytes.ts'
import { NAMESPACE } from '../world/names.ts'
import type { Metric } from './catalogue.ts'

const SHARED = [
  'ResourceAttributes',
  'ServiceName',
  'ScopeName',
  'MetricName',
  'MetricDescription',
  'MetricUnit',
  'Attributes',
  'StartTimeUnix',
  'TimeUnix',
]
const TABLES = {
  gauge: { table: 'otel_metrics_gauge', columns: [...SHARED, 'Value'] },
  sum: { table: 'otel_metrics_sum', columns: [...SHARED, 'Value', 'AggregationTemporality', 'IsMonotonic'] },
  histogram: {
    table: 'otel_metrics_histogram',
    columns: [
      ...SHARED,
      'Count',
      'Sum',
      'BucketCounts',
      'ExplicitBounds',
      'Min',
      'Max',
      'AggregationTemporality',
    ],
  },
} as const
const CUMULATIVE = 2

export interface Points {
  gauge(series: Series, atS: number, value: number): void
  sum(series: Series, atS: number, value: number): void
  histogram(series: Series, atS: number, value: Distribution): void
  finish(): RowBlock[]
}

/** One metric with its attributes. What all of its points have alike is written once, and copied. */
export interface Series {
  metric: Metric
  shared: Uint8Array
}

export interface Distribution {
  count: number
  sum: number
  least: number
  most: number
  buckets: number[]
}

export function createSeries(
  metric: Metric,
  attributes: Readonly<Record<string, string>>,
  startS: number,
): Series {
  const bytes = createBytes()
  bytes.map([
    ['service.name', metric.service],
    ['service.namespace', NAMESPACE],
  ])
  for (const text of [metric.service, metric.scope, metric.name, metric.description, metric.unit])
    bytes.string(text)
  bytes.map(Object.entries(attributes).sort())
  bytes.uint32(startS)
  return { metric, shared: bytes.take() }
}

export function createPoints(): Points {
  const gauges = createBlocks(TABLES.gauge.table, TABLES.gauge.columns)
  const sums = createBlocks(TABLES.sum.table, TABLES.sum.columns)
  const histograms = createBlocks(TABLES.histogram.table, TABLES.histogram.columns)
  const begin = ({ bytes }: Blocks, { shared }: Series, atS: number): Blocks['bytes'] => {
    bytes.copy(shared)
    bytes.uint32(atS)
    return bytes
  }
  return {
    gauge(series, atS, value) {
      begin(gauges, series, atS).float64(value)
      gauges.endRow()
    },
    sum(series, atS, value) {
      const bytes = begin(sums, series, atS)
      bytes.float64(value)
      bytes.uint32(CUMULATIVE)
      bytes.uint8(series.metric.kind === 'counter' ? 1 : 0)
      sums.endRow()
    },
    histogram(series, atS, { count, sum, least, most, buckets }) {
      const bytes = begin(histograms, series, atS)
      bytes.uint64(count)
      bytes.float64(sum)
      bytes.list(buckets, bytes.uint64)
      bytes.list(series.metric.bounds ?? [], bytes.float64)
      bytes.float64(least)
      bytes.float64(most)
      bytes.uint32(CUMULATIVE)
      histograms.endRow()
    },
    finish: () => [gauges, sums, histograms].flatMap((blocks) => blocks.finish()),
  }
}

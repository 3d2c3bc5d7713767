import { type Store, unixNanoText } from '#store'
import { clientOf, type RunningEngine } from './engine-fixture.ts'
import { insertSpans, START, spanRow } from './span-rows.ts'

export const SECOND = Number(START / 1_000_000_000n)
export const TRACE = 'abcdefg'
/** A search on a screen looks back from now. */
export const RECENT = 'f'.repeat(32)

/** The body of a log record of this minute. */
export const REQUEST = '{"method": "GET", "scheme": "http", "bytes": 2048}'

/** A trace with an error in it, two spans of another service, and a trace of this minute; logs and metrics. */
export async function insertRows(store: Store, running: RunningEngine): Promise<void> {
  const now = BigInt(Date.now() - 60_000) * 1_000_000n
  const later = { ServiceName: 'billing', Timestamp: unixNanoText(START + 600_000_000_000n) }
  const called = {
    TraceId: '391dae938234560b16bb63f51501cb6f',
    Timestamp: unixNanoText(now),
    ServiceName: 'clickhouse-exporter',
    SpanAttributes: { 'peer.service': 'telemetrygen-server' },
  }
  const rows = [
    spanRow('1'.repeat(16), {
      TraceId: TRACE,
      'Links.TraceId': ['b'.repeat(32)],
      'Links.SpanId': ['2'.repeat(16)],
      'Links.TraceState': [''],
      'Links.Attributes': [{ why: 'retry' }],
    }),
    spanRow('2'.repeat(16), {
      TraceId: TRACE,
      ParentSpanId: '1'.repeat(16),
      Timestamp: unixNanoText(START + 1_000_000_000n),
      StatusCode: 'Error',
      StatusMessage: 'refused',
    }),
    spanRow('3'.repeat(16), { TraceId: 'another', SpanAttributes: {} }),
    spanRow('4'.repeat(16), { ...later, TraceId: 'third', SpanName: 'POST /invoices', Duration: '10000000' }),
    spanRow('5'.repeat(16), { ...later, TraceId: 'third', SpanName: 'POST /invoices', Duration: '20000000' }),
    spanRow('6'.repeat(16), { TraceId: RECENT, Timestamp: unixNanoText(now) }),
    spanRow('7'.repeat(16), {
      TraceId: RECENT,
      ParentSpanId: '6'.repeat(16),
      SpanName: 'DELETE customers',
      Timestamp: unixNanoText(now + 1_000_000n),
      SpanAttributes: {},
      StatusCode: 'Error',
    }),
    spanRow('8'.repeat(16), { ...called, Duration: '2000000000' }),
    spanRow('9'.repeat(16), { ...called, ParentSpanId: '8'.repeat(16), StatusCode: 'Error' }),
  ]
  await insertSpans(store, rows, 'spans')
  const client = clientOf(running.engine.writer)
  const insert = (table: string, values: readonly object[]) =>
    client.insert({ table, values, format: 'JSONEachRow' })
  await insert('otel_logs', [
    log(START, { TraceId: TRACE, SeverityText: 'WARN', Body: 'The action was refused' }),
    log(START + 1_000_000_000n, { SeverityText: 'INFO', Body: 'Ready' }),
    log(now + 500_000n, { TraceId: RECENT, SpanId: '6'.repeat(16), Body: 'Asked the desk' }),
    log(now, {
      ServiceName: 'clickhouse-exporter',
      SeverityText: 'DEBUG',
      LogAttributes: { container_name: '/example_flog_1' },
      Body: REQUEST,
    }),
  ])
  const utilization = { MetricName: 'nodejs.event_loop.utilization' }
  await insert('otel_metrics_gauge', [
    metric(SECOND, { ...utilization, Value: 0.25 }),
    metric(SECOND + 10, { ...utilization, Value: 0.5 }),
    metric(SECOND, { ...utilization, ServiceName: 'billing', Value: 0.75 }),
  ])
  const calls = { MetricName: 'calls', AggregationTemporality: 2, IsMonotonic: true }
  const growing = { MetricName: 'holds', AggregationTemporality: 2, IsMonotonic: true }
  const each = { MetricName: 'tokens', AggregationTemporality: 1, IsMonotonic: true }
  await insert('otel_metrics_sum', [
    ...[10, 25, 40].map((Value, minute) => metric(SECOND + 60 * minute, { ...growing, Value })),
    metric(SECOND + 300, { ...growing, Value: 100 }),
    ...['featureflagservice', 'cartservice'].map((service_name, index) =>
      metric(SECOND, { ...calls, Attributes: { service_name }, Value: index + 1 }),
    ),
    ...[5, 7].map((Value, minute) => metric(SECOND + 60 * minute, { ...each, Value })),
  ])
  const waits = { MetricName: 'wait', ExplicitBounds: [10, 20], AggregationTemporality: 1 }
  await insert('otel_metrics_histogram', [
    metric(SECOND, { ...waits, Count: 10, Sum: 150, BucketCounts: [0, 10, 0], Min: 11, Max: 19 }),
  ])
  await client.close()
}

const log = (nanoseconds: bigint, more: object) => ({
  Timestamp: unixNanoText(nanoseconds),
  ServiceName: 'agent',
  ...more,
})
const metric = (TimeUnix: number, more: Record<string, unknown>) => ({
  ServiceName: 'agent',
  ResourceAttributes: { 'service.name': more.ServiceName ?? 'agent' },
  TimeUnix,
  StartTimeUnix: SECOND - 60,
  ...more,
})

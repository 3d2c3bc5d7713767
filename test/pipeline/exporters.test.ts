import { SpanKind, SpanStatusCode } from '@opentelemetry/api'
import { OTLPLogExporter as JsonLogs } from '@opentelemetry/exporter-logs-otlp-http'
import { OTLPLogExporter as ProtoLogs } from '@opentelemetry/exporter-logs-otlp-proto'
import { OTLPMetricExporter as JsonMetrics } from '@opentelemetry/exporter-metrics-otlp-http'
import { OTLPMetricExporter as ProtoMetrics } from '@opentelemetry/exporter-metrics-otlp-proto'
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { OTLPTraceExporter as ProtoExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { CompressionAlgorithm } from '@opentelemetry/otlp-exporter-base'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { LoggerProvider, SimpleLogRecordProcessor } from '@opentelemetry/sdk-logs'
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { SimpleSpanProcessor, type SpanExporter, TracerProvider } from '@opentelemetry/sdk-trace'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ATTR } from '#contract'
import { type Client, startClient } from './client.ts'

let client: Client
beforeAll(async () => {
  client = await startClient()
})
afterAll(() => client?.scene.stop())

describe('the ordinary exporters', () => {
  const exporters: [string, (url: string) => SpanExporter][] = [
    ['protobuf', (url) => new ProtoExporter({ url })],
    ['protobuf with gzip', (url) => new ProtoExporter({ url, compression: CompressionAlgorithm.GZIP })],
    ['JSON', (url) => new JsonExporter({ url })],
    ['JSON with gzip', (url) => new JsonExporter({ url, compression: CompressionAlgorithm.GZIP })],
  ]

  it.each(exporters)(
    'pipeline - spans of the SDK arrive as %s, and are stored as the Collector stores them',
    async (_, create) => {
      const exporter = create(client.endpoint())
      const provider = new TracerProvider({
        resource: resourceFromAttributes({ 'service.name': 'sdk-agent', 'service.version': '1.2.3' }),
        spanProcessors: [new SimpleSpanProcessor({ exporter })],
      })
      const tracer = provider.getTracer('test-scope', '0.9')
      const span = tracer.startSpan('GET /customers', { kind: SpanKind.CLIENT })
      span.setAttributes({
        text: 'Grüße',
        count: 3,
        share: 0.25,
        ok: true,
        tags: ['a', 'b'],
        numbers: [1, 2],
      })
      span.addEvent('retry', { attempt: 2 })
      span.addLink({
        context: { traceId: 'c'.repeat(32), spanId: 'd'.repeat(16), traceFlags: 1 },
        attributes: { why: 'x' },
      })
      span.setStatus({ code: SpanStatusCode.ERROR, message: 'timed out' })
      span.end()
      await provider.forceFlush()
      await provider.shutdown()

      const [row] = await client.scene.store.query(
        'SELECT * EXCEPT (Timestamp, Duration), toUnixTimestamp(Timestamp) AS startedS, Duration AS ns FROM otel_traces WHERE TraceId = {traceId:String}',
        { traceId: span.spanContext().traceId },
      )
      expect(row).toMatchObject({
        SpanId: span.spanContext().spanId,
        ParentSpanId: '',
        SpanName: 'GET /customers',
        SpanKind: 'Client',
        ServiceName: 'sdk-agent',
        ScopeName: 'test-scope',
        ScopeVersion: '0.9',
        SpanAttributes: {
          count: '3',
          numbers: '[1,2]',
          ok: 'true',
          share: '0.25',
          tags: '["a","b"]',
          text: 'Grüße',
        },
        StatusCode: 'Error',
        StatusMessage: 'timed out',
        'Events.Name': ['retry'],
        'Events.Attributes': [{ attempt: '2' }],
        'Links.TraceId': ['c'.repeat(32)],
        'Links.Attributes': [{ why: 'x' }],
      })
      expect(
        (row as { ResourceAttributes: Record<string, string> }).ResourceAttributes['service.version'],
      ).toBe('1.2.3')
      expect(Math.abs(Number((row as { startedS: number }).startedS) - Date.now() / 1000)).toBeLessThan(60)
      expect(Number((row as { ns: string }).ns)).toBeGreaterThan(0)
    },
  )

  const resource = resourceFromAttributes({ 'service.name': 'sdk-agent' })
  const at = (path: string) => ({ url: client.endpoint().replace('/v1/traces', path) })

  it.each([
    ['protobuf', () => new ProtoLogs(at('/v1/logs'))],
    ['JSON', () => new JsonLogs(at('/v1/logs'))],
  ] as const)(
    'pipeline - log records of the SDK arrive as %s, without what only we may say',
    async (name, create) => {
      const provider = new LoggerProvider({
        resource,
        processors: [new SimpleLogRecordProcessor({ exporter: create() })],
      })
      provider.getLogger('test-scope').emit({
        body: `customers exported, says ${name}`,
        severityNumber: 9,
        severityText: 'INFO',
        eventName: 'export.done',
        attributes: { count: 3, [ATTR.approverName]: 'Mallory', [ATTR.verification]: 'verified' },
      })
      await provider.forceFlush()
      await provider.shutdown()
      const [row] = await client.scene.store.query(
        'SELECT ServiceName, ScopeName, SeverityText, SeverityNumber, EventName, LogAttributes FROM otel_logs WHERE Body = {body:String}',
        { body: `customers exported, says ${name}` },
      )
      expect(row).toEqual({
        ServiceName: 'sdk-agent',
        ScopeName: 'test-scope',
        SeverityText: 'INFO',
        SeverityNumber: 9,
        EventName: 'export.done',
        LogAttributes: { count: '3' },
      })
    },
  )

  it.each([
    ['protobuf', () => new ProtoMetrics(at('/v1/metrics'))],
    ['JSON', () => new JsonMetrics(at('/v1/metrics'))],
  ] as const)('pipeline - metrics of the SDK arrive as %s', async (name, create) => {
    const provider = new MeterProvider({
      resource,
      readers: [new PeriodicExportingMetricReader({ exporter: create() })],
    })
    const meter = provider.getMeter('test-scope')
    meter.createCounter(`calls by ${name}`, { unit: '{call}' }).add(7, { tool: 'lookup' })
    const histogram = meter.createHistogram(`waits by ${name}`)
    for (const ms of [1, 30, 700]) histogram.record(ms)
    await provider.shutdown()
    const [sum] = await client.scene.store.query(
      'SELECT ServiceName, MetricUnit, Attributes, Value, IsMonotonic FROM otel_metrics_sum WHERE MetricName = {name:String}',
      { name: `calls by ${name}` },
    )
    expect(sum).toEqual({
      ServiceName: 'sdk-agent',
      MetricUnit: '{call}',
      Attributes: { tool: 'lookup' },
      Value: 7,
      IsMonotonic: true,
    })
    const [waits] = await client.scene.store.query(
      'SELECT Sum, Min, Max, arraySum(BucketCounts) AS counted FROM otel_metrics_histogram WHERE MetricName = {name:String}',
      { name: `waits by ${name}` },
    )
    expect(waits).toMatchObject({ Sum: 731, Min: 1, Max: 700 })
    expect(Number((waits as { counted: string }).counted)).toBe(3)
  })
})

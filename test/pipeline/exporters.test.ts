import { SpanKind, SpanStatusCode } from '@opentelemetry/api'
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { OTLPTraceExporter as ProtoExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { CompressionAlgorithm } from '@opentelemetry/otlp-exporter-base'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { SimpleSpanProcessor, type SpanExporter, TracerProvider } from '@opentelemetry/sdk-trace'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
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
})

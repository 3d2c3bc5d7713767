import { credentials } from '@grpc/grpc-js'
import { OTLPLogExporter as GrpcLogs } from '@opentelemetry/exporter-logs-otlp-grpc'
import { OTLPLogExporter as JsonLogs } from '@opentelemetry/exporter-logs-otlp-http'
import { OTLPLogExporter as ProtoLogs } from '@opentelemetry/exporter-logs-otlp-proto'
import { OTLPMetricExporter as GrpcMetrics } from '@opentelemetry/exporter-metrics-otlp-grpc'
import { OTLPMetricExporter as JsonMetrics } from '@opentelemetry/exporter-metrics-otlp-http'
import { OTLPMetricExporter as ProtoMetrics } from '@opentelemetry/exporter-metrics-otlp-proto'
import { OTLPTraceExporter as GrpcTraces } from '@opentelemetry/exporter-trace-otlp-grpc'
import { OTLPTraceExporter as JsonTraces } from '@opentelemetry/exporter-trace-otlp-http'
import { OTLPTraceExporter as ProtoTraces } from '@opentelemetry/exporter-trace-otlp-proto'
import { CompressionAlgorithm } from '@opentelemetry/otlp-exporter-base'
import { LoggerProvider, type LogRecordExporter, SimpleLogRecordProcessor } from '@opentelemetry/sdk-logs'
import {
  MeterProvider,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
} from '@opentelemetry/sdk-metrics'
import { SimpleSpanProcessor, type SpanExporter, TracerProvider } from '@opentelemetry/sdk-trace'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createReceiving, type Receiving } from './receiving.ts'

let receiving: Receiving
beforeAll(async () => {
  receiving = createReceiving()
  await receiving.start()
})
afterAll(() => receiving.stop())
beforeEach(() => {
  receiving.received = []
})

async function sendSpan(exporter: SpanExporter): Promise<void> {
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] })
  provider.getTracer('test').startSpan('from the SDK').end()
  await provider.forceFlush()
  await provider.shutdown()
}

async function sendLogRecord(exporter: LogRecordExporter): Promise<void> {
  const provider = new LoggerProvider({ processors: [new SimpleLogRecordProcessor({ exporter })] })
  provider.getLogger('test').emit({ body: 'from the SDK' })
  await provider.forceFlush()
  await provider.shutdown()
}

async function sendDataPoint(exporter: PushMetricExporter): Promise<void> {
  const provider = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter })] })
  provider.getMeter('test').createCounter('from the SDK').add(1)
  // Which exports, too.
  await provider.shutdown()
}

const compression = CompressionAlgorithm.GZIP
const http = (path: string) => ({ url: receiving.url(path) })
const grpc = () => ({
  url: `http://127.0.0.1:${receiving.grpcPort()}`,
  credentials: credentials.createInsecure(),
})

describe('the ordinary exporters', () => {
  it.each<[string, string, () => Promise<void>]>([
    ['traces', 'protobuf', () => sendSpan(new ProtoTraces(http('/v1/traces')))],
    ['traces', 'protobuf with gzip', () => sendSpan(new ProtoTraces({ ...http('/v1/traces'), compression }))],
    ['traces', 'JSON', () => sendSpan(new JsonTraces(http('/v1/traces')))],
    ['traces', 'gRPC', () => sendSpan(new GrpcTraces(grpc()))],
    ['traces', 'gRPC with gzip', () => sendSpan(new GrpcTraces({ ...grpc(), compression }))],
    ['logs', 'protobuf', () => sendLogRecord(new ProtoLogs(http('/v1/logs')))],
    ['logs', 'JSON', () => sendLogRecord(new JsonLogs(http('/v1/logs')))],
    ['logs', 'gRPC', () => sendLogRecord(new GrpcLogs(grpc()))],
    ['metrics', 'protobuf', () => sendDataPoint(new ProtoMetrics(http('/v1/metrics')))],
    ['metrics', 'JSON', () => sendDataPoint(new JsonMetrics(http('/v1/metrics')))],
    ['metrics', 'gRPC', () => sendDataPoint(new GrpcMetrics(grpc()))],
  ])('receiver - %s of the SDK arrive as %s', async (signal, _, send) => {
    await send()
    expect(receiving.received.map((one) => one.signal)).toEqual([signal])
    expect(Buffer.from(receiving.received[0]?.body ?? []).includes('from the SDK')).toBe(true)
  })
})

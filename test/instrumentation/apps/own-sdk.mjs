// A program that starts an OpenTelemetry SDK of its own, before or after the gate was put into its process.
import { NodeSDK } from '@opentelemetry/sdk-node'
import { InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace'

const exporter = new InMemorySpanExporter()
globalThis.exported = exporter
const { holdpoint } = process.env.AS_INSTRUMENTATION ? await import('#instrumentation') : {}
const sdk = new NodeSDK({
  spanProcessors: [new SimpleSpanProcessor({ exporter })],
  instrumentations: holdpoint ? [holdpoint()] : [],
  metricReaders: [],
  logRecordProcessors: [],
})
sdk.start()

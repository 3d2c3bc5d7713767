// Imported before or after the gate: OpenTelemetry's own instrumentations of what the gate holds, and at the end the spans
// of requests that delete.
import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http'
import { UndiciInstrumentation } from '@opentelemetry/instrumentation-undici'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'

const exporter = new InMemorySpanExporter()
const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] })
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
trace.setGlobalTracerProvider(provider)
for (const one of [new HttpInstrumentation(), new UndiciInstrumentation()]) one.setTracerProvider(provider)
process.on('exit', () => {
  const spans = exporter.getFinishedSpans().filter(({ name }) => /^(execute_tool )?DELETE/.test(name))
  process.stderr.write(
    `deletions: ${JSON.stringify(spans.map(({ attributes }) => attributes['holdpoint.outcome'] ?? 'none'))}\n`,
  )
})

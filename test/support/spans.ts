import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace'

export interface RecordedSpans {
  /** Ended ones, by name. */
  named(name: string): ReadableSpan[]
  all(): ReadableSpan[]
  reset(): void
  stop(): Promise<void>
}

/** The real SDK, kept in memory; registered for the whole process. */
export function recordSpans(): RecordedSpans {
  const exporter = new InMemorySpanExporter()
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] })
  trace.setGlobalTracerProvider(provider)
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  return {
    named: (name) => exporter.getFinishedSpans().filter((span) => span.name === name),
    all: () => exporter.getFinishedSpans(),
    reset: () => exporter.reset(),
    async stop() {
      await provider.shutdown()
      trace.disable()
      context.disable()
    },
  }
}

import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  InMemorySpanExporter,
  type ReadableSpan,
  SamplingDecision,
  SimpleSpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace'

export interface RecordedSpans {
  /** Ended ones, by name. */
  named(name: string): ReadableSpan[]
  all(): ReadableSpan[]
  reset(): void
  /** Whether new spans are recorded at all. */
  sample(on: boolean): void
  stop(): Promise<void>
}

/** The real SDK, kept in memory; registered for the whole process. */
export function recordSpans(): RecordedSpans {
  const exporter = new InMemorySpanExporter()
  let decision = SamplingDecision.RECORD_AND_SAMPLED
  const provider = new TracerProvider({
    spanProcessors: [new SimpleSpanProcessor({ exporter })],
    sampler: { shouldSample: () => ({ decision }) },
  })
  trace.setGlobalTracerProvider(provider)
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  return {
    named: (name) => exporter.getFinishedSpans().filter((span) => span.name === name),
    all: () => exporter.getFinishedSpans(),
    reset: () => exporter.reset(),
    sample(on) {
      decision = on ? SamplingDecision.RECORD_AND_SAMPLED : SamplingDecision.NOT_RECORD
    },
    async stop() {
      await provider.shutdown()
      trace.disable()
      context.disable()
    },
  }
}

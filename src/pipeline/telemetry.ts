import { metrics } from '@opentelemetry/api'
import type { Verification } from '#contract'
import type { Signal } from './otlp/signal.ts'

/** The pipeline's own metrics; they cost nothing until the process has an exporter. */
export function createMeasures() {
  const meter = metrics.getMeter('holdpoint.pipeline')
  const items = meter.createCounter('holdpoint.pipeline.items', {
    unit: '{item}',
    description:
      'Spans, log records and data points, by signal and by what became of them: stored or rejected.',
  })
  const verdicts = meter.createCounter('holdpoint.pipeline.verdicts', {
    unit: '{span}',
    description: 'Actions judged, by verdict.',
  })
  const waiting = meter.createObservableGauge('holdpoint.pipeline.ledger.waiting', {
    unit: '{entry}',
    description: 'Ledger entries read and not stored yet.',
  })
  return {
    stored: (signal: Signal, count: number): void => items.add(count, { signal, result: 'stored' }),
    rejected: (signal: Signal, count: number): void => items.add(count, { signal, result: 'rejected' }),
    verdict: (verification: Verification): void => verdicts.add(1, { verification }),
    /** Returns how to stop looking. */
    watchWaiting(count: () => number): () => void {
      const observe = (result: { observe(value: number): void }) => result.observe(count())
      waiting.addCallback(observe)
      return () => waiting.removeCallback(observe)
    },
  }
}

export type Measures = ReturnType<typeof createMeasures>

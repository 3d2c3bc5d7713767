import { metrics } from '@opentelemetry/api'
import type { Verification } from '#contract'
import type { Signal } from './otlp/signal.ts'

/** The pipeline's own metrics; they cost nothing until the process has an exporter. */
export function createMeasures() {
  const meter = metrics.getMeter('holdpoint.pipeline')
  const spans = meter.createCounter('holdpoint.pipeline.spans', {
    unit: '{span}',
    description: 'Spans received, by what became of them: stored or rejected.',
  })
  const stored = meter.createCounter('holdpoint.pipeline.stored', {
    unit: '{item}',
    description: 'Spans, log records and data points stored, by signal.',
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
    batch(stored: number, rejected: number): void {
      if (stored > 0) spans.add(stored, { result: 'stored' })
      if (rejected > 0) spans.add(rejected, { result: 'rejected' })
    },
    stored: (signal: Signal, items: number): void => stored.add(items, { signal }),
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

import { metrics } from '@opentelemetry/api'
import type { Signal } from '../otlp/signal.ts'

export function createForwardMeasures() {
  const meter = metrics.getMeter('holdpoint.pipeline')
  const requests = meter.createCounter('holdpoint.pipeline.forward.requests', {
    unit: '{request}',
    description: 'Requests to the Collector, by signal and result: accepted, unavailable or refused.',
  })
  const rejected = meter.createCounter('holdpoint.pipeline.forward.rejected', {
    unit: '{item}',
    description: 'Spans, log records and data points that the Collector said it has not taken.',
  })
  return {
    sent(signal: Signal, rejectedItems: number): void {
      requests.add(1, { signal, result: 'accepted' })
      if (rejectedItems > 0) rejected.add(rejectedItems, { signal })
    },
    failed: (signal: Signal, result: 'unavailable' | 'refused'): void => requests.add(1, { signal, result }),
  }
}

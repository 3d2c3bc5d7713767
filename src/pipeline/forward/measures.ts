import { INSTRUMENTS } from '../instruments.ts'
import type { Signal } from '../otlp/signal.ts'
import { pipelineMeter } from '../telemetry.ts'

export function createForwardMeasures() {
  const meter = pipelineMeter()
  const requests = meter.of(INSTRUMENTS.forwarded)
  const rejected = meter.of(INSTRUMENTS.forwardRejected)
  return {
    sent(signal: Signal, rejectedItems: number): void {
      requests(1, { signal, result: 'accepted' })
      if (rejectedItems > 0) rejected(rejectedItems, { signal })
    },
    failed: (signal: Signal, result: 'unavailable' | 'refused'): void => requests(1, { signal, result }),
  }
}

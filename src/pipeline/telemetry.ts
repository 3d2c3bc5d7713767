import { metrics } from '@opentelemetry/api'
import type { Verification } from '#contract'
import { createMeter, type Meter } from '#runtime'
import { INSTRUMENTS } from './instruments.ts'
import type { Signal } from './otlp/signal.ts'

/** Of the whole room; it costs nothing until the process has somebody who reads metrics. */
export const pipelineMeter = (): Meter => createMeter(metrics.getMeter('holdpoint.pipeline'))

/** How the copy of the ledger stands when somebody reads the metrics. */
export interface LedgerStanding {
  /** Entries that are read and not stored. */
  waiting(): number
  /** Entries that are committed and not read. Rejects where that cannot be asked. */
  unread(): Promise<number>
}

/** The pipeline's own metrics. */
export function createMeasures() {
  const meter = pipelineMeter()
  const items = meter.of(INSTRUMENTS.items)
  const verdicts = meter.of(INSTRUMENTS.verdicts)
  const { ledgerWaiting, ledgerBehind } = INSTRUMENTS
  return {
    stored: (signal: Signal, count: number): void => items(count, { signal, result: 'stored' }),
    rejected: (signal: Signal, count: number): void => items(count, { signal, result: 'rejected' }),
    verdict: (verification: Verification): void => verdicts(1, { verification }),
    /** Returns how to stop looking. */
    watch({ waiting, unread }: LedgerStanding): () => void {
      const ends = [
        meter.watch([ledgerWaiting], (observe) => observe(ledgerWaiting, waiting())),
        // By itself: while NATS does not answer, the other is told all the same.
        meter.watch([ledgerBehind], async (observe) => observe(ledgerBehind, (await unread()) + waiting())),
      ]
      return () => {
        for (const end of ends) end()
      }
    },
  }
}

export type Measures = ReturnType<typeof createMeasures>

import { metrics } from '@opentelemetry/api'
import type { Composed } from './composer.ts'

/** The buffer's own metrics; they cost nothing until the process has an exporter. */
export interface Measures {
  stored(composed: Composed): void
  dead(): void
  tookOver(): void
  refused(): void
  /** Which batch a lane is busy with; undefined while it has none. */
  working(lane: number, composed: Composed | undefined): void
  /** Looks at the stream whenever somebody reads the metrics; returns how to stop. */
  watch(look: () => Promise<{ bytes: number; messages: number }>): () => void
}

export function createMeasures({ now }: { now: () => number }): Measures {
  const meter = metrics.getMeter('holdpoint.pipeline')
  const name = (last: string): string => `holdpoint.pipeline.buffer.${last}`
  const batches = meter.createCounter(name('batches'), { unit: '{batch}', description: 'Batches stored.' })
  const items = meter.createCounter(name('items'), {
    unit: '{item}',
    description: 'Spans, log records and data points stored, about.',
  })
  const dead = meter.createCounter(name('dead_letters'), {
    unit: '{letter}',
    description: 'Pieces put aside because they cannot be stored.',
  })
  const takeovers = meter.createCounter(name('takeovers'), {
    unit: '{takeover}',
    description: 'Lanes taken over from a writer that had stopped.',
  })
  const refused = meter.createCounter(name('refused'), {
    unit: '{request}',
    description: 'Requests that were asked to come again: NATS away, or the buffer full.',
  })
  const bytes = meter.createObservableGauge(name('bytes'), {
    unit: 'By',
    description: 'What stands in the buffer, the newest of what is stored already included.',
  })
  const messages = meter.createObservableGauge(name('messages'), {
    unit: '{message}',
    description: 'Messages in the buffer, the newest of what is stored already included.',
  })
  const age = meter.createObservableGauge(name('oldest'), {
    unit: 'ms',
    description:
      'How long ago the oldest of what this pipeline is storing has arrived; 0 while it has nothing to store.',
  })
  const busy = new Map<number, number>()

  return {
    stored({ messages }) {
      batches.add(1)
      items.add(messages.reduce((sum, one) => sum + one.items, 0))
    },
    dead: () => dead.add(1),
    tookOver: () => takeovers.add(1),
    refused: () => refused.add(1),
    working(lane, composed) {
      const oldest = composed?.messages[0]?.receivedAtMs
      if (oldest === undefined) busy.delete(lane)
      else busy.set(lane, oldest)
    },
    watch(look) {
      const observed = [bytes, messages]
      const observe: Parameters<typeof meter.addBatchObservableCallback>[0] = async (result) => {
        const oldestMs = Math.min(...busy.values())
        result.observe(age, Number.isFinite(oldestMs) ? Math.max(0, now() - oldestMs) : 0)
        const seen = await look().catch(() => undefined)
        if (seen === undefined) return
        result.observe(bytes, seen.bytes)
        result.observe(messages, seen.messages)
      }
      const all = [...observed, age]
      meter.addBatchObservableCallback(observe, all)
      return () => meter.removeBatchObservableCallback(observe, all)
    },
  }
}

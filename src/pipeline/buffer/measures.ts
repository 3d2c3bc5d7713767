import { INSTRUMENTS } from '../instruments.ts'
import { pipelineMeter } from '../telemetry.ts'
import type { Composed } from './composer.ts'

/** The buffer's own metrics. */
export interface Measures {
  stored(composed: Composed): void
  dead(): void
  tookOver(): void
  refused(): void
  /** Which batch a lane is busy with; undefined while it has none. */
  working(lane: number, composed: Composed | undefined): void
  /** Looks at the stream whenever somebody reads the metrics; returns how to stop. */
  watch(look: Look): () => void
}

/** What NATS says; both reject while it does not answer. */
export interface Look {
  size(): Promise<{ bytes: number; messages: number }>
  /** When the oldest has arrived that is not stored yet; undefined while all is. */
  oldestMs(): Promise<number | undefined>
}

export function createMeasures({ now }: { now: () => number }): Measures {
  const meter = pipelineMeter()
  const batches = meter.of(INSTRUMENTS.batches)
  const items = meter.of(INSTRUMENTS.bufferedItems)
  const dead = meter.of(INSTRUMENTS.deadLetters)
  const takeovers = meter.of(INSTRUMENTS.takeovers)
  const refused = meter.of(INSTRUMENTS.refused)
  const { bytes, messages, oldest, lag } = INSTRUMENTS
  const busy = new Map<number, number>()
  const ageMs = (sinceMs = now()): number => Math.max(0, now() - sinceMs)

  function watchSize(size: Look['size']): () => void {
    return meter.watch([bytes, messages], async (observe) => {
      const seen = await size()
      observe(bytes, seen.bytes)
      observe(messages, seen.messages)
    })
  }

  function watchLag(oldestMs: Look['oldestMs']): () => void {
    let lastMs: number | undefined
    return meter.watch([lag], async (observe) => {
      // While nobody can be asked, what waited goes on waiting.
      lastMs = await oldestMs().catch(() => lastMs)
      observe(lag, ageMs(lastMs) / 1000)
    })
  }

  return {
    stored({ messages }) {
      batches(1)
      items(messages.reduce((sum, one) => sum + one.items, 0))
    },
    dead: () => dead(1),
    tookOver: () => takeovers(1),
    refused: () => refused(1),
    working(lane, composed) {
      const since = composed?.messages[0]?.receivedAtMs
      if (since === undefined) busy.delete(lane)
      else busy.set(lane, since)
    },
    watch(look) {
      const ends = [
        meter.watch([oldest], (observe) =>
          observe(oldest, busy.size === 0 ? 0 : ageMs(Math.min(...busy.values()))),
        ),
        watchSize(look.size),
        watchLag(look.oldestMs),
      ]
      return () => {
        for (const end of ends) end()
      }
    },
  }
}

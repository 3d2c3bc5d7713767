import type { Verification } from '#contract'
import type { Place, SpanSink } from '../spans/span.ts'

/** How often Holdpoint's own processes say what they have measured. */
export const STEP_MS = 5 * 60_000

/** How much was said in each step of the week. */
export interface Volume extends SpanSink {
  steps: number
  spans: Float64Array
  verdicts: ReadonlyMap<Verification, Float64Array>
}

export function createVolume(fromMs: number, untilMs: number): Volume {
  const steps = Math.ceil((untilMs - fromMs) / STEP_MS)
  const spans = new Float64Array(steps)
  const verdicts = new Map<Verification, Float64Array>()
  const stepOf = (atMs: number): number =>
    Math.min(steps - 1, Math.max(0, Math.floor((atMs - fromMs) / STEP_MS)))
  const count = (counts: Float64Array, atMs: number): void => {
    const step = stepOf(atMs)
    counts[step] = (counts[step] as number) + 1
  }
  return {
    steps,
    spans,
    verdicts,
    add({ judgement }, place: Place) {
      count(spans, (place.startUs + place.durationUs) / 1000)
      if (judgement === undefined) return
      const counts = verdicts.get(judgement.verification) ?? new Float64Array(steps)
      verdicts.set(judgement.verification, counts)
      count(counts, place.judgedMs ?? 0)
    },
  }
}

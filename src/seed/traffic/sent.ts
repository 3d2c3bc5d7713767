import type { Random } from '../random.ts'
import type { Place, SpanText } from '../spans/span.ts'

/** An exporter sends what has ended every five seconds; the pipeline judges an action as soon as it has it. */
export function sent(place: Place, random: Random, { judgement }: SpanText): Place {
  if (judgement === undefined) return place
  const receivedMs = Math.ceil((place.startUs + place.durationUs) / 1000) + random.between(20, 5_000)
  return { ...place, receivedMs, judgedMs: receivedMs + random.between(30, 600) }
}

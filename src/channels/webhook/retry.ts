/** After each failed attempt but the last: eight of them within about a day. */
export const RETRY_DELAYS_MS: readonly number[] = [
  5_000,
  30_000,
  2 * 60_000,
  10 * 60_000,
  60 * 60_000,
  6 * 60 * 60_000,
  16 * 60 * 60_000,
]

/** Nobody puts us off for longer than that. */
const LONGEST_PUT_OFF_MS = 60 * 60_000
/** A fifth less to a fifth more: receivers that came back are not met by everybody at once. */
const JITTER = 0.2

/** How long to wait: as scheduled, and not sooner than the receiver asked for. */
export function retryAfterMs(
  scheduledMs: number,
  notBeforeMs: number | undefined,
  { now, random }: { now: () => number; random: () => number },
): number {
  const jitteredMs = Math.round(scheduledMs * (1 - JITTER + 2 * JITTER * random()))
  if (notBeforeMs === undefined) return jitteredMs
  return Math.max(jitteredMs, Math.min(notBeforeMs - now(), LONGEST_PUT_OFF_MS))
}

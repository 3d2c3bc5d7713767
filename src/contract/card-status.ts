import type { RequestState } from './decision.ts'
import type { RequestSummary } from './desk-messages.ts'
import { visibleLine } from './visible.ts'

/** What changes while a card stays what it is. It stands outside the hash, and beside the card. */
export interface StatusModel {
  isPending: boolean
  /** The state in words. */
  text: string
  /** A line each: who answered what. */
  reviews: string[]
  /** Approvals that are still needed; 0 once it is decided. */
  missing: number
  /** In words; absent once it is decided. */
  timeLeft?: string
}

export function statusModel(summary: RequestSummary, nowMs: number): StatusModel {
  const { state, threshold, reviews, expiresAtMs } = summary
  const isPending = state === 'pending'
  const given = new Set(
    reviews.filter(({ verdict }) => verdict === 'approve').map(({ iss, sub }) => JSON.stringify([iss, sub])),
  )
  return {
    isPending,
    text: STATE_TEXT[state],
    reviews: reviews.map(({ name, sub, verdict }) =>
      visibleLine(`${name} (${sub}) ${verdict === 'approve' ? 'approved' : 'denied'}`),
    ),
    missing: isPending ? Math.max(0, threshold - given.size) : 0,
    ...(isPending ? { timeLeft: timeLeftText(expiresAtMs - nowMs) } : {}),
  }
}

export const STATE_TEXT: Readonly<Record<RequestState, string>> = {
  pending: 'waits for a decision',
  approved: 'approved, not yet used',
  denied: 'denied',
  expired: 'expired: nobody decided in time, which is no denial',
  cancelled: 'cancelled before it was decided',
  consumed: 'approved and used: it runs, or has run',
  lapsed: 'approved, but not used in time',
  revoked: 'approved, but taken back before it was used',
  executed: 'approved and executed',
  failed: 'approved, but its execution failed',
  ambiguous: 'approved and used, but nobody knows what became of it',
}

/** Two units at most: `4 min 10 s left`. */
export function timeLeftText(ms: number): string {
  if (ms <= 0) return 'no time left'
  const seconds = Math.ceil(ms / 1000)
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ] as const
  const first = parts.findIndex(([value]) => value > 0)
  const shown = parts.slice(first, first + 2).filter(([value]) => value > 0)
  return `${shown.map(([value, unit]) => `${value} ${unit}`).join(' ')} left`
}

/** UTC. A time that no calendar has is shown as the number that it is. */
export const isoTime = (ms: number): string =>
  Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : `${ms} ms after 1970`

import { missingParts, missingText } from './card-approvals.ts'
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
  /** Out of which groups, part by part; absent where none is missing. */
  missingOf?: string
  /** Where one denial does not end it: how many there are. */
  denials?: string
  /** Who joins later, and who has joined; empty once it is decided. */
  escalation: EscalationStatus[]
  /** In words; absent once it is decided. */
  timeLeft?: string
}

export interface EscalationStatus {
  atMs: number
  isReached: boolean
  /** The groups, with commas between. */
  to: string
  text: string
}

export function statusModel(summary: RequestSummary, nowMs: number): StatusModel {
  const { state, reviews, denials = 1, expiresAtMs } = summary
  const isPending = state === 'pending'
  const missing = isPending ? missingParts(summary) : []
  const denied = reviews.filter(({ verdict }) => verdict === 'deny').length
  return {
    isPending,
    text: STATE_TEXT[state],
    reviews: reviews.map(({ name, sub, verdict, late }) =>
      visibleLine(
        `${name} (${sub}) ${verdict === 'approve' ? 'approved' : 'denied'}${late ? ', too late to count' : ''}`,
      ),
    ),
    missing: missing.reduce((sum, { count }) => sum + count, 0),
    ...(missing.length === 0 ? {} : { missingOf: missingText(missing) }),
    ...(isPending && denials > 1 ? { denials: `${denied} of the ${denials} denials that end it` } : {}),
    escalation: isPending ? escalationOf(summary, nowMs) : [],
    ...(isPending ? { timeLeft: timeLeftText(expiresAtMs - nowMs) } : {}),
  }
}

function escalationOf({ escalate = [], requestedAtMs }: RequestSummary, nowMs: number): EscalationStatus[] {
  return escalate.map(({ afterMs, to }) => {
    const atMs = requestedAtMs + afterMs
    const isReached = nowMs >= atMs
    const groups = to.map(visibleLine).join(', ')
    const text = isReached
      ? `${groups} may answer as well`
      : `${groups} may answer as well in ${durationText(atMs - nowMs)}`
    return { atMs, isReached, to: groups, text }
  })
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
export const timeLeftText = (ms: number): string => (ms <= 0 ? 'no time left' : `${durationText(ms)} left`)

/** The same without the last word; less than a second counts as one. */
export function durationText(ms: number): string {
  const seconds = Math.max(1, Math.ceil(ms / 1000))
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ] as const
  const first = parts.findIndex(([value]) => value > 0)
  const shown = parts.slice(first, first + 2).filter(([value]) => value > 0)
  return shown.map(([value, unit]) => `${value} ${unit}`).join(' ')
}

/** UTC. A time that no calendar has is shown as the number that it is. */
export const isoTime = (ms: number): string =>
  Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : `${ms} ms after 1970`

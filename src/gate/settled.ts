import { ATTR, type Decision, type ErrorCode, type RequestReply } from '#contract'
import { cancelled, refuse } from './refusal.ts'
import type { Hold, HoldDeps } from './request.ts'
import { type ActionSpan, markApprovers, markDecision } from './span.ts'
import type { GateAttempt, Refusal } from './types.ts'
import type { Settled } from './wait.ts'

export function markSettled(settled: Settled, span: ActionSpan, waitMs?: number): void {
  const reason = 'reason' in settled ? settled.reason : undefined
  markDecision(span, DECISION_OF[settled.status], { ...(waitMs === undefined ? {} : { waitMs }), reason })
  if ('by' in settled) markApprovers(span, settled.by)
}

const DECISION_OF = {
  approved: 'approved',
  spent: 'approved',
  denied: 'denied',
  expired: 'expired',
  unheard: 'expired',
  cancelled: 'cancelled',
  aborted: 'cancelled',
} as const satisfies Record<Settled['status'], Decision>

export function notApproved(
  settled: Exclude<Settled, { status: 'approved' }>,
  requestId: string,
  attempt: GateAttempt,
): Refusal {
  const { name } = attempt
  switch (settled.status) {
    case 'aborted':
      return cancelled(attempt, requestId)
    case 'unheard':
      return refuse({ code: 'APPROVAL_EXPIRED', name, requestId })
    case 'spent':
      return refuse({ code: settled.code, name, requestId })
    default:
      return refuse({ code: CODE_OF[settled.status], name, requestId, reason: settled.reason })
  }
}

const CODE_OF = {
  denied: 'APPROVAL_DENIED',
  expired: 'APPROVAL_EXPIRED',
  cancelled: 'APPROVAL_CANCELLED',
} as const satisfies Record<string, ErrorCode>

/** The broker ruled otherwise than we did, remembers a denial, or refuses this agent for now: its word counts. */
export function deniedAtOnce(
  reply: RequestReply & { status: 'denied' },
  { attempt, span }: Hold,
  { session, backoff }: HoldDeps,
): Refusal {
  const { code, reason, rule, requestId, retryAfterMs = 0 } = reply
  if (code === 'TOO_MANY') backoff.refused(reason, retryAfterMs)
  // What we rule by ourselves is to be refused as well.
  if (code === 'AGENT_FROZEN') session.greetAgain()
  if (rule !== '') span.span.setAttribute(ATTR.policyRule, rule)
  if (code === 'POLICY_DENIED') span.span.setAttribute(ATTR.ruling, 'deny')
  if (code === 'APPROVAL_DENIED') span.span.setAttribute(ATTR.decision, 'denied')
  return refuse({ code, name: attempt.name, reason, rule, requestId })
}

import type { Denial, Ruling } from '#contract'
import { knownAttempt } from '../calls/own.ts'
import type { Context } from '../context.ts'
import { reasonOf } from '../request/request-payload.ts'
import { frozenReason } from '../state/freezes.ts'
import type { Quota } from '../state/quotas.ts'

/** What is refused without asking anybody. Every text of it is read by a model. */

export function frozenDenial({ freezes }: Context, agentId: string): Denial | undefined {
  const freeze = freezes.of(agentId)
  return freeze && { status: 'denied', code: 'AGENT_FROZEN', reason: frozenReason(freeze), rule: '' }
}

export const policyDenial = ({ reason, rule }: Ruling): Denial => ({
  status: 'denied',
  code: 'POLICY_DENIED',
  reason: reason ?? 'Policy denies this action.',
  rule,
})

/** Longest text that gates take. */
const MOST_CHARACTERS = 4_000

/** Somebody has denied the same action a while ago, and what they said is said again. */
export async function rememberedDenial(
  context: Context,
  repeatKey: string,
  { rule }: Ruling,
): Promise<Denial | undefined> {
  const denial = context.denials.of(repeatKey)
  if (!denial) return undefined
  const { requestId, by } = denial
  const denied = await knownAttempt(context, requestId)
  const words = denied && (await reasonOf(context, denied))
  const people = by.map(({ name }) => name).join(' and ') || 'A reviewer'
  const reason = `${people} denied the same action before${words === undefined ? '.' : `: ${words}`}`
  return {
    status: 'denied',
    code: 'APPROVAL_DENIED',
    reason: reason.slice(0, MOST_CHARACTERS).toWellFormed(),
    rule,
    requestId,
  }
}

/** One new attempt, taken out of the agent's quota. */
export function takeFromQuota(context: Context, agentId: string): Quota {
  const { documents, requests, denials, quotas } = context
  const quota = quotas.take(agentId, documents.policy().compiled.quotas, {
    pending: requests.countsOf(agentId).pending,
    denialsAtMs: denials.timesOf(agentId),
  })
  if (!quota.ok) raiseAlarm(context, agentId, quota.reason)
  return quota
}

/** People hear once a minute of an agent that is refused at its source. */
export function raiseAlarm({ quotas, notify, now, log }: Context, agentId: string, reason: string): void {
  if (!quotas.isNews(agentId)) return
  const atMs = now()
  log.warn('an agent is refused at its source', { agentId, reason })
  // The minute is in the name: of all replicas' alarms one is kept.
  const name = `${agentId}.${Math.floor(atMs / 60_000)}`
  notify.alarm('quota', name, { kind: 'quota', atMs, text: `${agentId}: ${reason}`, agentId })
}

export const tooMany = ({ reason, retryAfterMs }: Quota & { ok: false }): Denial => ({
  status: 'denied',
  code: 'TOO_MANY',
  reason,
  rule: '',
  retryAfterMs,
})

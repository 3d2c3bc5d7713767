import type { Denial, Ruling } from '#contract'
import type { Context } from './context.ts'
import { frozenReason } from './freezes.ts'
import type { Quota } from './quotas.ts'
import { reasonPart } from './request-payload.ts'

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
  { denials, payloads }: Context,
  repeatKey: string,
  { rule }: Ruling,
): Promise<Denial | undefined> {
  const denial = denials.of(repeatKey)
  if (!denial) return undefined
  const { requestId, by, reasonDigest } = denial
  const words = reasonDigest && (await payloads.get(requestId, reasonPart(reasonDigest)))
  const people = by.map(({ name }) => name).join(' and ') || 'A reviewer'
  const reason = `${people} denied the same action before${typeof words === 'string' ? `: ${words}` : '.'}`
  return {
    status: 'denied',
    code: 'APPROVAL_DENIED',
    reason: reason.slice(0, MOST_CHARACTERS).toWellFormed(),
    rule,
    requestId,
  }
}

/** One new attempt, taken out of the agent's quota. The first refusal of a minute is an alarm. */
export function takeFromQuota(context: Context, agentId: string): Quota {
  const { documents, requests, denials, quotas, notify, now } = context
  const quota = quotas.take(agentId, documents.policy().compiled.quotas, {
    pending: requests.countsOf(agentId).pending,
    denialsAtMs: denials.timesOf(agentId),
  })
  if (!quota.ok && quota.isNews) {
    const atMs = now()
    const text = `${agentId} is refused at its source. ${quota.reason}`
    context.log.warn('an agent used up its quota', { agentId, reason: quota.reason })
    // The minute is in the name: of all replicas' alarms one is kept.
    notify.alarm('quota', `${agentId}.${Math.floor(atMs / 60_000)}`, { kind: 'quota', atMs, text, agentId })
  }
  return quota
}

export const tooMany = ({ reason, retryAfterMs }: Quota & { ok: false }): Denial => ({
  status: 'denied',
  code: 'TOO_MANY',
  reason,
  rule: '',
  retryAfterMs,
})

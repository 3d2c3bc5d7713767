import { ATTR, ERROR_TYPE, type ErrorCode, principalId } from '#contract'
import type { Attributes, SpanText } from '../spans/span.ts'
import type { Deed } from './cast.ts'
import type { Run } from './converse.ts'
import { approversOf, judgementOf, type Recorded } from './judgement.ts'
import { actionText, rulingWords, wordsOf } from './texts.ts'

const REFUSALS = {
  denied: [ERROR_TYPE.denied, 'APPROVAL_DENIED', 'Not this time: ask the owner of the data first.'],
  expired: [ERROR_TYPE.expired, 'APPROVAL_EXPIRED', 'Nobody has answered in time.'],
  cancelled: [ERROR_TYPE.cancelled, 'APPROVAL_CANCELLED', 'The caller cancelled it.'],
} as const satisfies Record<string, [string, ErrorCode, string]>

/** Stopped while it waited, it has heard of no decision. */
const frozenBy = (name: string): readonly [string, ErrorCode, string] => [
  ERROR_TYPE.denied,
  'AGENT_FROZEN',
  `This agent has been frozen by ${name}.`,
]

/**
 * What the gate says of it at the end, and what is found of that. Without a time of waiting it is a resumption: of one
 * that is refused, the gate says no rule then.
 */
export function heldText(
  { agent, user }: Pick<Run, 'agent' | 'user'>,
  { call, variant }: Deed,
  recorded: Recorded,
  waitMs: bigint | undefined,
): SpanText {
  const { requested, decided, outcome } = recorded
  const { decision = 'cancelled', by = [] } = decided ?? {}
  const freezer = decision === 'cancelled' ? by[0] : undefined
  const refusal = decision === 'approved' ? undefined : freezer ? frozenBy(freezer.name) : REFUSALS[decision]
  const heard = {
    [ATTR.decision]: decision,
    ...(waitMs === undefined ? {} : { [ATTR.waitMs]: waitMs }),
    ...(decision === 'denied' ? { [ATTR.reason]: REFUSALS.denied[2] } : {}),
    ...approversOf(by),
  }
  const failure = refusal?.[0] ?? outcome?.errorType
  const became = refusal ? 'not_run' : failure === undefined ? 'executed' : 'failed'
  const attributes: Attributes = {
    ...wordsOf(agent, call, variant, user),
    ...(waitMs === undefined && refusal ? { [ATTR.ruling]: 'hold' } : rulingWords(requested.ruling, agent)),
    [ATTR.approvalId]: requested.requestId,
    [ATTR.actionDigest]: requested.actionDigest,
    ...(freezer ? {} : heard),
    [ATTR.outcome]: became,
    ...(failure === undefined ? {} : { 'error.type': failure }),
  }
  const message = refusal ? `${refusal[1]}: ${refusal[2]}` : 'fetch failed'
  const verification = refusal ? 'refused' : 'verified'
  const detail = refusal
    ? `not run; ${decision} in the ledger`
    : `approved by ${by.map(principalId).join(', ')}`
  return {
    ...actionText(agent, call),
    attributes,
    ...(failure === undefined ? {} : { error: { message } }),
    judgement: judgementOf(attributes, {
      verification,
      detail,
      request: recorded,
      isItsOwn: true,
      outcome: became,
    }),
  }
}

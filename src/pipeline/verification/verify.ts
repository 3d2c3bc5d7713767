import { principalId, type Ruling, type Verification } from '#contract'
import type { Claim } from './claims.ts'
import {
  approvalClaims,
  findContradictions,
  findDifferences,
  isConsumer,
  isOfResource,
  quote,
  reportedOutcome,
} from './compare.ts'
import type { LedgerRequest, LedgerView } from './ledger-view.ts'
import type { PlainAction } from './plain/action.ts'

/** Why something could not be verified: what would have to be there. */
export type Reason =
  /** It could not be read as far as the span's arrival. It is tried again. */
  | 'ledger'
  /** A policy that was in force, and that can be verified. */
  | 'policy'
  /** What the rule needs stands on no span, or cannot be told for certain. */
  | 'span'
  /** Anybody's word but the span's own that it was not run. */
  | 'word'

export interface Verdict {
  verification: Verification
  /** For the investigator: what was compared, and what differed. */
  detail: string
  /** With `unverifiable`. */
  reason?: Reason
  /** The request that the span is about, where the ledger knows it. */
  request?: LedgerRequest
  /** Where policy alone was asked. */
  ruling?: Ruling
  /** The span whose approved action this one is the effect of: testimony of that, and no action of its own. */
  effectOf?: string
}

/** What the policy of that time says of an action, as far as a span tells it. */
export interface PolicyAnswer {
  /** `hold` stands for deny as well; `unknown` where it depends on what the span does not carry. */
  says: 'allow' | 'hold' | 'observe' | 'unknown'
  detail: string
  reason?: 'policy' | 'span'
  ruling?: Ruling
  /** It denies without asking anybody: of a gate that heeds it, the ledger knows nothing. */
  denies?: boolean
}

export interface Evidence {
  /** At least as new as the span's arrival; `undefined` where it cannot be read that far. */
  ledger: Pick<LedgerView, 'request' | 'consumedBy' | 'hasRefused'> | undefined
  policy(): PolicyAnswer
  /** Digest of the span that was first seen with this consumption, or as its effect. */
  sighted(requestId: string, effectOf?: string): string | undefined
  /** Milliseconds since the epoch. */
  arrivedAtMs: number
}

/**
 * The verdict on one span. Pure; the order of the steps decides where several words would fit:
 *
 * 1. no ledger: `unverifiable`, for nothing can be compared.
 * 2. another instrumentation's span below the one that consumed an approval of the same action is the effect of that;
 *    a second one is `replayed`.
 * 3. no request: an approval that the ledger does not know is `forged`; else policy alone rules.
 * 4. a statement that the ledger contradicts: `forged`, whatever else is wrong, because somebody lied.
 * 5. another agent or another action than the request's: `unbound`.
 * 6. it was not run: `refused`.
 * 7. it was run without an approval: `missing`, for it does not even claim one (that would be 4).
 * 8. it was run on an approval that nobody consumed (`forged`), that another trace consumed (`unbound`), that
 *    another span of the same trace consumed, or this one with other content (`replayed`).
 * 9. what is left is `verified`.
 *
 * Step 8 asks the ledger, not the order of arrival: a consumption names exactly one span, so any other one is the
 * second, even when it arrives first, at another replica, or after a restart.
 */
export function verify(claim: Claim, evidence: Evidence): Verdict {
  const { ledger } = evidence
  if (ledger === undefined)
    return {
      verification: 'unverifiable',
      detail: 'the ledger cannot be read as far as this span',
      reason: 'ledger',
    }
  const cause = causeOf(claim, ledger)
  if (cause !== undefined) return effect(claim, cause, evidence)
  const request =
    claim.approvalId === undefined ? ledger.consumedBy(claim.trace) : ledger.request(claim.approvalId)
  if (request === undefined) return withoutRequest(claim, evidence)

  const contradictions = findContradictions(claim, request)
  if (contradictions.length > 0) return { verification: 'forged', detail: contradictions.join('; '), request }
  const differences = findDifferences(claim, request)
  if (differences.length > 0) return { verification: 'unbound', detail: differences.join('; '), request }
  return claim.ran ? executed(claim, request, evidence) : notExecuted(claim, request)
}

/** The request whose approved action this span's parent ran, where this is the same action, seen from further below. */
function causeOf(claim: Claim, ledger: Pick<LedgerView, 'consumedBy'>): LedgerRequest | undefined {
  const { isForeign, parentSpanId, plain, trace, target } = claim
  if (!isForeign || parentSpanId === '' || parentSpanId === trace.spanId) return undefined
  const request = ledger.consumedBy({ traceId: trace.traceId, spanId: parentSpanId })
  if (request === undefined) return undefined
  const { requested } = request
  const isOne = ({ kind, names, unsure }: PlainAction) =>
    kind === requested.kind && names.includes(requested.name) && !unsure
  // What HTTP has several of are the readings of one path; anything else has done all that it lists.
  const isSame =
    plain === undefined
      ? claim.name === requested.name
      : requested.kind === 'http'
        ? plain.some(isOne)
        : plain.every(isOne)
  return isSame && (target === undefined || target === requested.target) ? request : undefined
}

function effect(claim: Claim, request: LedgerRequest, { sighted }: Evidence): Verdict {
  const effectOf = claim.parentSpanId
  const first = sighted(request.requested.requestId, effectOf)
  if (first === undefined || first === sightingOf(claim))
    return {
      verification: 'verified',
      detail: `what the approved action of span ${effectOf} did`,
      request,
      effectOf,
    }
  return {
    verification: 'replayed',
    detail: `the approved action of span ${effectOf} was done more than once`,
    request,
    effectOf,
  }
}

/** Which span, and which content of it. */
export const sightingOf = ({ trace, contentDigest }: Claim): string => `${trace.spanId} ${contentDigest()}`

function withoutRequest(claim: Claim, { policy, ledger, arrivedAtMs }: Evidence): Verdict {
  const answer = policy()
  const { says, detail, ruling, denies } = answer
  const verdict = (verification: Verification, words = detail, reason?: Reason): Verdict => ({
    verification,
    detail: words,
    ...(ruling === undefined ? {} : { ruling }),
    ...(reason === undefined ? {} : { reason }),
  })
  if (claim.approvalId !== undefined)
    return verdict('forged', `the ledger has no request ${quote(claim.approvalId)}`)
  const claimed = approvalClaims(claim)
  if (claimed.length > 0) return verdict('forged', `an approval without a request: ${claimed.join(', ')}`)

  if (says === 'unknown') return verdict('unverifiable', detail, answer.reason)
  if (says === 'allow') return verdict('not_required')
  if (!claim.ran) {
    if (denies) return verdict('refused', `not run, by its own word; ${detail}`)
    if (ledger?.hasRefused({ ...claim, arrivedAtMs }))
      return verdict('refused', `not run, as the ledger says of others; ${detail}`)
    return verdict('unverifiable', `not run, by nobody's word but its own; ${detail}`, 'word')
  }
  if (says === 'observe') return verdict('observed')
  return verdict('missing', `ran without a decision; ${detail}`)
}

function notExecuted(claim: Claim, request: LedgerRequest): Verdict {
  const { decided, spent, outcome } = request
  // Released to this span, which says that it did not run: without an outcome nobody can tell from here.
  if (isConsumer(claim, spent) && !reportedOutcome(outcome).every((one) => one === 'not_run'))
    return {
      verification: 'unverifiable',
      detail: 'the approval was consumed, the span says not run',
      reason: 'word',
      request,
    }
  return {
    verification: 'refused',
    detail: `not run; ${decided?.decision ?? 'undecided'} in the ledger`,
    request,
  }
}

function executed(claim: Claim, request: LedgerRequest, { sighted }: Evidence): Verdict {
  const { requested, decided, spent } = request
  if (decided?.decision !== 'approved')
    return {
      verification: 'missing',
      detail: `ran, though ${decided?.decision ?? 'undecided'} in the ledger`,
      request,
    }
  const consumed = spent?.spend === 'consumed' ? spent : undefined
  const owner = consumed === undefined ? requested.trace : consumed.trace
  if (owner?.traceId !== claim.trace.traceId)
    return {
      verification: 'unbound',
      detail: `the approval is for trace ${owner?.traceId ?? 'none'}`,
      request,
    }
  if (consumed === undefined && isOfResource(requested) && spent === undefined)
    return {
      verification: 'unverifiable',
      detail: `${requested.enforcement} has not used the approval: whether anything ran there, nobody has said`,
      request,
      reason: 'word',
    }
  if (consumed === undefined)
    return {
      verification: 'forged',
      detail: `ran, but the approval was ${spent?.spend ?? 'never consumed'}`,
      request,
    }
  if (!isConsumer(claim, spent))
    return { verification: 'replayed', detail: `the approval was consumed by span ${owner.spanId}`, request }
  const first = sighted(requested.requestId)
  if (first !== undefined && first !== sightingOf(claim))
    return { verification: 'replayed', detail: 'another span with these ids has used the approval', request }
  return {
    verification: 'verified',
    detail: `approved by ${decided.by.map(principalId).join(', ')}`,
    request,
  }
}

import { principalId, type Ruling, type Verification } from '#contract'
import type { Claim } from './claims.ts'
import {
  approvalClaims,
  findContradictions,
  findDifferences,
  isConsumer,
  quote,
  reportedOutcome,
} from './compare.ts'
import type { LedgerRequest, LedgerView } from './ledger-view.ts'

export interface Verdict {
  verification: Verification
  /** For the investigator: what was compared, and what differed. */
  detail: string
  /** The request that the span is about, where the ledger knows it. */
  request?: LedgerRequest
  /** Where policy alone was asked. */
  ruling?: Ruling
}

/** What the policy of that time says of an action, as far as a span tells it. */
export interface PolicyAnswer {
  /** `hold` stands for deny as well; `unknown` where it depends on what the span does not carry. */
  says: 'allow' | 'hold' | 'observe' | 'unknown'
  detail: string
  ruling?: Ruling
}

export interface Evidence {
  /** At least as new as the span's arrival; `undefined` where it cannot be read that far. */
  ledger: Pick<LedgerView, 'request' | 'consumedBy'> | undefined
  policy(): PolicyAnswer
  /** Digest of the span that was first seen with this consumption. */
  sighted(requestId: string): string | undefined
}

/**
 * The verdict on one span. Pure; the order of the steps decides where several words would fit:
 *
 * 1. no ledger: `unverifiable`, for nothing can be compared.
 * 2. no request: an approval that the ledger does not know is `forged`; else policy alone rules.
 * 3. a statement that the ledger contradicts: `forged`, whatever else is wrong, because somebody lied.
 * 4. another agent or another action than the request's: `unbound`.
 * 5. it was not run: `refused`.
 * 6. it was run without an approval: `missing`, for it does not even claim one (that would be 3).
 * 7. it was run on an approval that nobody consumed (`forged`), that another trace consumed (`unbound`), that
 *    another span of the same trace consumed, or this one with other content (`replayed`).
 * 8. what is left is `verified`.
 *
 * Step 7 asks the ledger, not the order of arrival: a consumption names exactly one span, so any other one is the
 * second, even when it arrives first, at another replica, or after a restart.
 */
export function verify(claim: Claim, evidence: Evidence): Verdict {
  const { ledger } = evidence
  if (ledger === undefined)
    return { verification: 'unverifiable', detail: 'the ledger cannot be read as far as this span' }
  const request =
    claim.approvalId === undefined ? ledger.consumedBy(claim.trace) : ledger.request(claim.approvalId)
  if (request === undefined) return withoutRequest(claim, evidence)

  const contradictions = findContradictions(claim, request)
  if (contradictions.length > 0) return { verification: 'forged', detail: contradictions.join('; '), request }
  const differences = findDifferences(claim, request)
  if (differences.length > 0) return { verification: 'unbound', detail: differences.join('; '), request }
  return claim.ran ? executed(claim, request, evidence) : notExecuted(claim, request)
}

function withoutRequest(claim: Claim, { policy }: Evidence): Verdict {
  const { says, detail, ruling } = policy()
  const verdict = (verification: Verification, words = detail): Verdict =>
    ruling === undefined ? { verification, detail: words } : { verification, detail: words, ruling }
  if (claim.approvalId !== undefined)
    return verdict('forged', `the ledger has no request ${quote(claim.approvalId)}`)
  const claimed = approvalClaims(claim)
  if (claimed.length > 0) return verdict('forged', `an approval without a request: ${claimed.join(', ')}`)

  if (says === 'unknown') return verdict('unverifiable')
  if (says === 'allow') return verdict('not_required')
  if (!claim.ran) return verdict('refused', `not run; ${detail}`)
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
  if (consumed === undefined)
    return {
      verification: 'forged',
      detail: `ran, but the approval was ${spent?.spend ?? 'never consumed'}`,
      request,
    }
  if (!isConsumer(claim, spent))
    return { verification: 'replayed', detail: `the approval was consumed by span ${owner.spanId}`, request }
  const first = sighted(requested.requestId)
  if (first !== undefined && first !== claim.contentDigest())
    return { verification: 'replayed', detail: 'another span with these ids has used the approval', request }
  return {
    verification: 'verified',
    detail: `approved by ${decided.by.map(principalId).join(', ')}`,
    request,
  }
}

import { ATTR, actionDigest, type Digest, HoldpointError, type RequestReply } from '#contract'
import { createPermit, type OpenPermit } from './permit.ts'
import { type Hold, type HoldDeps, requesterOf } from './request.ts'
import { markRuling } from './span.ts'

/** Which of the broker's allowances have been used: each is good for one execution. */
export interface Allowances {
  /** False where it was used before. */
  use(digest: Digest, expiresAtMs: number): boolean
}

export function createAllowances(deps: { now: () => number }): Allowances {
  const usedUntilMs = new Map<Digest, number>()
  return {
    use(digest, expiresAtMs) {
      for (const [used, untilMs] of usedUntilMs) if (untilMs <= deps.now()) usedUntilMs.delete(used)
      if (usedUntilMs.has(digest)) return false
      usedUntilMs.set(digest, expiresAtMs)
      return true
    },
  }
}

/**
 * We would have held it, and the broker, which knows people and facts that we do not, says that policy allows it. Only
 * its signature over this very action counts. Throws UNTRUSTED, STALE or WARRANT_MISMATCH.
 */
export function runAllowed(
  { salt, onBehalfOf, permit }: RequestReply & { status: 'allowed' },
  { attempt, action, authority, span }: Hold,
  { session, allowances, freeze }: HoldDeps,
): OpenPermit {
  const requester = requesterOf(authority, onBehalfOf, attempt.resource)
  const { enforcement } = requester
  const digest = actionDigest(action, requester, salt)
  const claims = session.trust.verifyAllowed(permit, {
    aud: enforcement,
    attempt: attempt.attempt,
    actionDigest: digest,
  })
  // By what is known now: the answer may have been held back until another policy was in force.
  const policyInForce = session.authority()?.policyVersion ?? Number.POSITIVE_INFINITY
  if (claims.policy_version < policyInForce)
    throw new HoldpointError(
      'STALE',
      `it is allowed by policy ${claims.policy_version}, which is not in force any more`,
    )
  // The salt is in the digest, and drawn anew for each answer: another one for the same action has another digest.
  // Kept by the clock that it was verified by: how far the broker's is ahead, nobody has signed.
  if (!allowances.use(digest, claims.exp * 1000))
    throw new HoldpointError('WARRANT_MISMATCH', 'The allowance has been used before.')
  const { rule, policy_version: policyVersion } = claims
  markRuling(span, { effect: 'allow', rule, policyVersion }, enforcement)
  span.span.setAttribute(ATTR.actionDigest, digest)
  return createPermit({ attempt, approved: action.arguments, span, freeze })
}

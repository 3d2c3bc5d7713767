import {
  type Approvals,
  type Assurance,
  atLeast,
  type Principal,
  samePrincipal,
  type Verdict,
} from '#contract'
import type { Policy } from './policy.ts'
import { parseSpecifier, principalKey } from './specifier.ts'

export interface Reviewer extends Principal {
  /** For messages; it decides nothing. */
  name: string
  /** Written as in a policy, by whoever verified the sign-in: `oidc:<iss>#group/<name>`. */
  groups: string[]
  assurance: Assurance
  /** True for service accounts and bots. */
  service: boolean
}

/** Everyone whose work a request is, and what it asks of reviewers. */
export interface ReviewedRequest {
  approvals: Approvals
  agent: Principal
  owner: Principal
  /** The user it acts for and everyone in the delegation chain. */
  onBehalfOf: Principal[]
}

export type MayReview =
  | { ok: true }
  | { ok: false; code: 'SELF_APPROVAL' | 'NOT_A_REVIEWER' | 'ASSURANCE_TOO_LOW'; reason: string }

/** Separation of duties: who may answer a request. There is no exception for administrators. */
export function mayReview(
  policy: Pick<Policy, 'groups'>,
  reviewer: Reviewer,
  request: ReviewedRequest,
): MayReview {
  const { agent, owner, onBehalfOf, approvals } = request
  if ([agent, owner, ...onBehalfOf].some((party) => samePrincipal(party, reviewer)))
    return { ok: false, code: 'SELF_APPROVAL', reason: 'Nobody releases their own work.' }
  if (reviewer.service !== false)
    return { ok: false, code: 'NOT_A_REVIEWER', reason: 'Service accounts and bots do not review.' }
  if (!approvals.from.some((group) => belongsTo(policy, reviewer, group)))
    return {
      ok: false,
      code: 'NOT_A_REVIEWER',
      reason: `Only members of ${approvals.from.join(', ') || 'no group'} may answer this request.`,
    }
  if (!atLeast(reviewer.assurance, approvals.assurance))
    return {
      ok: false,
      code: 'ASSURANCE_TOO_LOW',
      reason: `This request asks for a sign-in of at least ${approvals.assurance}; this one is ${reviewer.assurance}.`,
    }
  return { ok: true }
}

/** Both parts count: another issuer's group of the same name is another group. */
function belongsTo({ groups }: Pick<Policy, 'groups'>, reviewer: Reviewer, group: string): boolean {
  // The name may come from a request of an earlier policy, and `constructor` is no group.
  const specifiers = Object.hasOwn(groups, group) ? (groups[group] ?? []) : []
  const own = `oidc:${reviewer.iss}#sub/${reviewer.sub}`
  return specifiers.some((text) => {
    // Only a few are ever taken apart: a list asks this of every request that waits.
    if (text !== own && !reviewer.groups.includes(text)) return false
    const specifier = parseSpecifier(text)
    if (specifier === undefined || specifier.iss !== reviewer.iss) return false
    return 'sub' in specifier ? specifier.sub === reviewer.sub : reviewer.groups.includes(text)
  })
}

export type Tally = { state: 'pending'; missing: number } | { state: 'approved' } | { state: 'denied' }

/**
 * Where a request stands after these reviews, in the order of the ledger. One person counts once, whatever groups
 * they are in; the first denial ends it, unless the threshold was reached before.
 */
export function tally(
  reviews: readonly { reviewer: Principal; verdict: Verdict }[],
  approvals: Pick<Approvals, 'threshold'>,
): Tally {
  const { threshold } = approvals
  // A threshold that is no number, or none at all, must not be one that is always reached.
  const needed = Number.isSafeInteger(threshold) && threshold >= 1 ? threshold : Number.POSITIVE_INFINITY
  const approvers = new Set<string>()
  for (const { reviewer, verdict } of reviews) {
    if (verdict !== 'approve') return { state: 'denied' }
    approvers.add(principalKey(reviewer))
    if (approvers.size >= needed) return { state: 'approved' }
  }
  return { state: 'pending', missing: needed - approvers.size }
}

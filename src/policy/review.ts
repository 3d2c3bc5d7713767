import { type Approvals, type Assurance, atLeast, type Principal } from '#contract'
import { belongsTo, escalatedTo } from './groups.ts'
import type { People } from './people.ts'
import type { Policy } from './policy.ts'

export interface Reviewer extends Principal {
  /** For messages; it decides nothing. */
  name: string
  /** Written as in a policy, by whoever verified the sign-in: `oidc:<iss>#group/<name>`. */
  groups: string[]
  assurance: Assurance
  /** True for service accounts and bots. */
  service: boolean
}

/** Everyone whose work a request is, and what it asks of reviewers. An entry `requested` of the ledger is one. */
export interface ReviewedRequest {
  approvals: Approvals
  agent: Principal
  owner: Principal
  /** The user it acts for and everyone in the delegation chain. */
  onBehalfOf: Principal[]
  /** Who wrote the prompt, where that is known. */
  promptedBy?: Principal
}

export type MayReview =
  /** `groups`: those that may answer now and that the reviewer is in. The ledger keeps them with the review. */
  | { ok: true; groups: string[] }
  | { ok: false; code: 'SELF_APPROVAL' | 'NOT_A_REVIEWER' | 'ASSURANCE_TOO_LOW'; reason: string }

/**
 * Separation of duties: who may answer a request that has waited for `waitedMs`. People are compared, not accounts.
 * There is no exception for administrators.
 */
export function mayReview(
  policy: Pick<Policy, 'groups'>,
  people: People,
  reviewer: Reviewer,
  request: ReviewedRequest & { waitedMs: number },
): MayReview {
  const { approvals, waitedMs } = request
  if (isParty(people, reviewer, request))
    return { ok: false, code: 'SELF_APPROVAL', reason: 'Nobody releases their own work.' }
  if (reviewer.service !== false || people.isService(reviewer))
    return { ok: false, code: 'NOT_A_REVIEWER', reason: 'Service accounts and bots do not review.' }
  const answering = [...new Set([...approvals.from, ...escalatedTo(approvals, waitedMs)])]
  const groups = answering.filter((group) => belongsTo(policy, reviewer, group))
  if (groups.length === 0)
    return {
      ok: false,
      code: 'NOT_A_REVIEWER',
      reason: `Only members of ${answering.join(', ') || 'no group'} may answer this request.`,
    }
  if (!atLeast(reviewer.assurance, approvals.assurance))
    return {
      ok: false,
      code: 'ASSURANCE_TOO_LOW',
      reason: `This request asks for a sign-in of at least ${approvals.assurance}; this one is ${reviewer.assurance}.`,
    }
  return { ok: true, groups }
}

/** Whether it is this person's own work: through any of their accounts, anywhere in the chain. */
export const isParty = (
  people: People,
  person: Principal,
  { agent, owner, onBehalfOf, promptedBy }: Omit<ReviewedRequest, 'approvals'>,
): boolean =>
  [agent, owner, ...onBehalfOf, ...(promptedBy ? [promptedBy] : [])].some((party) =>
    people.same(party, person),
  )

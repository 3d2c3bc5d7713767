import { type ErrorCode, HoldpointError } from '#contract'
import { type CompiledPolicy, mayReview, type People, type Reviewer } from '#policy'
import type { Context } from '../context.ts'
import { type Request, stateOf } from '../state/requests.ts'

export type MayAnswer = { ok: true; groups: string[] } | { ok: false; code: ErrorCode; reason: string }
type Rules = Pick<Context, 'documents' | 'now'>

/** Whether this person could answer this request now. What is shown and what a review is held to are the same. */
export function mayAnswer(context: Rules, person: Reviewer, request: Request): MayAnswer {
  const { requested, decided } = request
  const { requestId } = requested
  if (decided) return refused('ALREADY_DECIDED', `${requestId} is ${stateOf(request)}`)
  if (context.now() >= requested.expiresAt) return refused('APPROVAL_EXPIRED', `${requestId} has expired`)
  return mayAddReview(context, person, request)
}

/** The same whatever has become of the request: a review that comes late is taken, and changes nothing. */
export function mayAddReview(context: Rules, person: Reviewer, request: Request): MayAnswer {
  const verdict = isReviewer(context, person, request)
  if (!verdict.ok) return verdict
  const people = context.documents.people()
  if (request.reviews.some(({ reviewer }) => people.same(reviewer, person)))
    return refused('ALREADY_REVIEWED', 'This person has already reviewed this request.')
  return verdict
}

/** Whether this person is one of those who may answer it, or could have while it waited. */
export function isReviewer(context: Rules, person: Reviewer, { requested, decided }: Request): MayAnswer {
  const rules = rulesNow(context)
  if (rules instanceof HoldpointError) return refused(rules.code, rules.message)
  const { at, expiresAt, approvals, agent, owner, onBehalfOf, promptedBy } = requested
  // By our clock, and no longer than it did wait: nobody is let in by a step that was never due.
  const waitedMs = Math.min(context.now(), decided?.at ?? expiresAt, expiresAt) - at
  const parties = { agent, owner, onBehalfOf, ...(promptedBy ? { promptedBy } : {}) }
  return mayReview(rules.policy, rules.people, person, { approvals, ...parties, waitedMs })
}

const refused = (code: ErrorCode, reason: string): MayAnswer => ({ ok: false, code, reason })

/** Without a policy in force nobody belongs to any group; a card can be shown all the same. */
function rulesNow({ documents }: Rules): { policy: CompiledPolicy; people: People } | HoldpointError {
  try {
    return { policy: documents.policy().compiled, people: documents.people() }
  } catch (error) {
    if (error instanceof HoldpointError) return error
    throw error
  }
}

import { type ErrorCode, HoldpointError, samePrincipal } from '#contract'
import { type CompiledPolicy, createPeople, mayReview, type Reviewer } from '#policy'
import type { Context } from './context.ts'
import { type Request, stateOf } from './requests.ts'

export type MayAnswer = { ok: true; groups: string[] } | { ok: false; code: ErrorCode; reason: string }

/** Whether this person could answer this request now. What is shown and what a review is held to are the same. */
export function mayAnswer(
  context: Pick<Context, 'documents' | 'now'>,
  person: Reviewer,
  request: Request,
): MayAnswer {
  const { requested, reviews, decided } = request
  const { requestId } = requested
  if (decided) return refused('ALREADY_DECIDED', `${requestId} is ${stateOf(request)}`)
  if (context.now() >= requested.expiresAt) return refused('APPROVAL_EXPIRED', `${requestId} has expired`)
  const policy = currentPolicy(context)
  if (policy instanceof HoldpointError) return refused(policy.code, policy.message)
  const waitedMs = context.now() - requested.at
  const verdict = mayReview(policy, createPeople(), person, { ...requested, waitedMs })
  if (!verdict.ok) return verdict
  if (reviews.some(({ reviewer }) => samePrincipal(reviewer, person)))
    return refused('ALREADY_REVIEWED', 'This person has already reviewed this request.')
  return verdict
}

const refused = (code: ErrorCode, reason: string): MayAnswer => ({ ok: false, code, reason })

/** Without a policy in force nobody belongs to any group; a card can be shown all the same. */
function currentPolicy({ documents }: Pick<Context, 'documents'>): CompiledPolicy | HoldpointError {
  try {
    return documents.policy().compiled
  } catch (error) {
    if (error instanceof HoldpointError) return error
    throw error
  }
}

import {
  type Digest,
  digestBytes,
  digestJson,
  HoldpointError,
  ledgerSubject,
  type ReviewEntry,
  type ReviewReply,
  type ReviewSubmission,
  reviewSubmissionShape,
  samePrincipal,
} from '#contract'
import type { Person } from '#identity'
import { mayReview, tally } from '#policy'
import type { Context } from '../context.ts'
import { decideByReviews } from '../decide.ts'
import { readPayload, reasonPart, reviewerHash } from '../request-payload.ts'
import { type Request, stateOf } from '../requests.ts'
import type { DeskHandler } from './handler.ts'
import { knownRequest } from './own.ts'

/** One person's answer. Who it is, the token proves to us; what was shown, the quoted hash proves. */
export const review: DeskHandler<ReviewSubmission, ReviewReply> = {
  shape: reviewSubmissionShape,
  async handle(submission, context) {
    const person = await context.identity.verifyToken(submission.token)
    const request = await reviewable(context, submission)
    const verdict = mayReview(context.documents.policy().compiled, person, request.requested)
    if (!verdict.ok) throw new HoldpointError(verdict.code, verdict.reason)

    if (request.reviews.some(({ reviewer }) => samePrincipal(reviewer, person)))
      throw new HoldpointError('ALREADY_REVIEWED')

    const entry = await entryOf(context, request, submission, person)
    const subject = ledgerSubject.review(context.config.epoch, submission.requestId, reviewerHash(person))
    const committed = await context.ledger.commit(subject, entry)
    context.requests.apply(committed.entry, committed.position)
    if (committed.won) context.notify.desk('reviewed', request)
    await decideByReviews(context, request)
    if (!committed.won) throw new HoldpointError('ALREADY_REVIEWED')
    return { state: stateOf(request), missing: missing(request) }
  },
}

async function reviewable(context: Context, { requestId, renderHash }: ReviewSubmission): Promise<Request> {
  const request = await knownRequest(context, requestId)
  if (!request) throw new HoldpointError('UNKNOWN_REQUEST', `${requestId}: no such request`)
  if (request.decided) throw new HoldpointError('ALREADY_DECIDED', `${requestId} is ${stateOf(request)}`)
  if (context.now() >= request.requested.expiresAt)
    throw new HoldpointError('APPROVAL_EXPIRED', `${requestId} has expired`)
  if (renderHash !== request.requested.renderHash) throw new HoldpointError('CARD_MISMATCH')
  return request
}

async function entryOf(
  context: Context,
  { requested }: Request,
  { verdict, reason, renderHash, channel, token }: ReviewSubmission,
  person: Person,
): Promise<ReviewEntry> {
  const { iss, sub, name, assurance, acr, amr, authTime } = person
  return {
    type: 'review',
    at: context.now(),
    requestId: requested.requestId,
    actionDigest: requested.actionDigest,
    reviewer: {
      iss,
      sub,
      name,
      assurance,
      channel,
      evidence: digestBytes(token),
      ...(acr === undefined ? {} : { acr }),
      ...(amr === undefined ? {} : { amr }),
      ...(authTime === undefined ? {} : { authTime }),
    },
    verdict,
    renderHash,
    ...(reason === undefined ? {} : { reasonDigest: await keepReason(context, requested.requestId, reason) }),
  }
}

/** The words go into the payload, where they can be erased; the ledger keeps their salted digest. */
async function keepReason({ payloads }: Context, requestId: string, reason: string): Promise<Digest> {
  const { salt } = await readPayload(payloads, requestId)
  const digest = digestJson({ salt, reason })
  await payloads.add(requestId, reasonPart(digest), reason)
  return digest
}

const missing = ({ reviews, requested }: Request): number => {
  const result = tally(reviews, requested.approvals)
  return result.state === 'pending' ? result.missing : 0
}

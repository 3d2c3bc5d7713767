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
} from '#contract'
import type { Person } from '#identity'
import type { Context } from '../context.ts'
import { decideByReviews, tallied } from '../decide.ts'
import { mayAnswer } from '../may-answer.ts'
import { readPayload, reasonPart, reviewerHash } from '../request-payload.ts'
import { type Request, stateOf } from '../requests.ts'
import type { DeskHandler } from './handler.ts'
import { namedRequest } from './own.ts'

/** One person's answer. Who it is, the token proves to us; what was shown, the quoted hash proves. */
export const review: DeskHandler<ReviewSubmission, ReviewReply> = {
  shape: reviewSubmissionShape,
  async handle({ token, ...answer }, context) {
    const person = await context.identity.verifyToken(token)
    return takeReview(context, person, { ...answer, evidence: digestBytes(token) })
  },
}

export interface Answer extends Omit<ReviewSubmission, 'token'> {
  /** Digest of what proves that the person gave it. */
  evidence: Digest
}

/** Whoever vouches for the person, token or channel: what a review has to pass is the same. */
export async function takeReview(context: Context, person: Person, answer: Answer): Promise<ReviewReply> {
  const { requestId } = answer
  const request = await namedRequest(context, requestId)
  const may = mayAnswer(context, person, request)
  if (!may.ok) throw new HoldpointError(may.code, may.reason)
  if (answer.renderHash !== request.requested.renderHash) throw new HoldpointError('CARD_MISMATCH')

  const entry = await entryOf(context, request, answer, person, may.groups)
  const subject = ledgerSubject.review(context.config.epoch, requestId, reviewerHash(person))
  const { won, entry: counting, position } = await context.ledger.commit(subject, entry)
  context.requests.apply(counting, position)
  if (won) context.notify.desk('reviewed', request, position.index)
  await decideByReviews(context, request)
  if (!won) throw new HoldpointError('ALREADY_REVIEWED')
  return { state: stateOf(request), missing: missing(request) }
}

async function entryOf(
  context: Context,
  { requested }: Request,
  { verdict, reason, renderHash, rendition, channel, evidence }: Answer,
  person: Person,
  groups: string[],
): Promise<ReviewEntry> {
  const { requestId, actionDigest } = requested
  return {
    type: 'review',
    at: context.now(),
    requestId,
    actionDigest,
    reviewer: {
      ...signedIn(person, channel, evidence),
      ...(rendition === undefined ? {} : { rendition }),
    },
    verdict,
    renderHash,
    groups,
    ...(reason === undefined ? {} : { reasonDigest: await keepReason(context, requestId, reason) }),
  }
}

/** What the ledger says of how a person was known. */
export function signedIn(person: Person, channel: string, evidence: Digest): ReviewEntry['reviewer'] {
  const { iss, sub, name, assurance, acr, amr, authTime } = person
  return {
    iss,
    sub,
    name,
    assurance,
    channel,
    evidence,
    ...(acr === undefined ? {} : { acr }),
    ...(amr === undefined ? {} : { amr }),
    ...(authTime === undefined ? {} : { authTime }),
  }
}

/** The words go into the payload, where they can be erased; the ledger keeps their salted digest. */
async function keepReason({ payloads }: Context, requestId: string, reason: string): Promise<Digest> {
  const { salt } = await readPayload(payloads, requestId)
  const digest = digestJson({ salt, reason })
  await payloads.add(requestId, reasonPart(digest), reason)
  return digest
}

const missing = (request: Request): number => {
  const result = tallied(request)
  return result.state === 'pending' ? result.missing : 0
}

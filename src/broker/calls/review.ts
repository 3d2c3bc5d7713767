import {
  type Digest,
  digestBytes,
  digestJson,
  epochOf,
  HoldpointError,
  ledgerSubject,
  type ReviewEntry,
  type ReviewReply,
  type ReviewSubmission,
  reviewSubmissionShape,
} from '#contract'
import type { Person } from '#identity'
import { decideByReviews, expire, tallied } from '../arrows/decide.ts'
import { mayAddReview, mayAnswer } from '../arrows/may-answer.ts'
import type { Context } from '../context.ts'
import { payloadOf, readPayload, reasonPart, refuseErased, reviewerHash } from '../request/request-payload.ts'
import { type Request, stateOf } from '../state/requests.ts'
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

/**
 * Whoever vouches for the person, token or channel: what a review has to pass is the same. One that comes after the
 * decision is recorded, because somebody stands by it, and changes nothing: a late denial undoes nothing.
 */
export async function takeReview(context: Context, person: Person, answer: Answer): Promise<ReviewReply> {
  const refused = (error: unknown): unknown => {
    if (error instanceof HoldpointError) context.measures.reviewRefused(error.code)
    return error
  }
  const { request, won, position } = await record(context, person, answer).catch((error: unknown) => {
    throw refused(error)
  })
  await decideByReviews(context, request)
  if (!won) throw refused(new HoldpointError('ALREADY_REVIEWED'))
  // What this one did not decide, another replica may have decided before it.
  if (!request.decided) await context.catchUp()
  if (request.decided && request.decided.index < position.index)
    throw new HoldpointError('ALREADY_DECIDED', `${request.requested.requestId} is ${stateOf(request)}`)
  return { state: stateOf(request), missing: missing(context, request) }
}

/** Throws why it may not be, and nothing is written then. */
async function record(context: Context, person: Person, answer: Answer) {
  const { requestId } = answer
  const request = await namedRequest(context, requestId)
  refuseErased(request)
  const now = mayAnswer(context, person, request)
  const may = now.ok ? now : mayAddReview(context, person, request)
  if (!may.ok) {
    // In the words in which the person was told so before.
    const { code, reason } = now.ok ? may : now
    throw new HoldpointError(code, reason)
  }
  if (answer.renderHash !== request.requested.renderHash) throw new HoldpointError('CARD_MISMATCH')
  if (answer.verdict === 'approve' && person.assurance === 'chat') await refuseUnseen(context, request)
  await endIfOver(context, request)

  const entry = await entryOf(context, request, answer, person, may.groups)
  const subject = ledgerSubject.review(epochOf(requestId), requestId, reviewerHash(person))
  const { won, entry: counting, position } = await context.ledger.commit(subject, entry)
  context.requests.apply(counting, position)
  if (won) {
    context.measures.reviewed(entry)
    context.notify.desk('reviewed', request, position.index)
  }
  return { request, won, position }
}

/** Nobody has said that these values are secrets, so nobody has said that they do not matter to whoever approves. */
async function refuseUnseen(context: Context, request: Request): Promise<void> {
  const { card } = await payloadOf(context, request)
  if (card.redacted.some(({ by }) => by === 'detection')) throw new HoldpointError('OPEN_FULL_PAGE')
}

/** Its time is over, whether or not anybody has written that down: what came in time counts, and this did not. */
async function endIfOver(context: Context, request: Request): Promise<void> {
  if (request.decided || context.now() < request.requested.expiresAt) return
  await decideByReviews(context, request)
  if (!request.decided) await expire(context, request)
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

const missing = (context: Context, request: Request): number => {
  const result = tallied(context, request)
  return result.state === 'pending' ? result.missing : 0
}

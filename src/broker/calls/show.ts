import { type ShowCall, type ShowReply, showCallShape } from '#contract'
import { mayAnswer } from '../arrows/may-answer.ts'
import type { Context } from '../context.ts'
import { payloadOf } from '../request/request-payload.ts'
import { type Request, summarise } from '../state/requests.ts'
import { timelineOf } from '../timeline.ts'
import type { DeskHandler } from './handler.ts'
import { namedRequest } from './own.ts'

/** The frozen card, the hash that a review of it has to quote, and what has become of the request. */
export const show: DeskHandler<ShowCall, ShowReply> = {
  shape: showCallShape,
  async handle({ token, requestId }, context) {
    const person = await context.identity.verifyToken(token)
    const request = await namedRequest(context, requestId)
    return { ...(await shownOf(context, request)), mayReview: mayAnswer(context, person, request) }
  },
}

export async function shownOf(context: Context, request: Request): Promise<Omit<ShowReply, 'mayReview'>> {
  const { renderHash } = request.requested
  const [{ card }, timeline] = await Promise.all([payloadOf(context, request), timelineOf(context, request)])
  return { summary: summarise(request), card, renderHash, timeline }
}

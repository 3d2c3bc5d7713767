import { HoldpointError, type ShowCall, type ShowReply, showCallShape } from '#contract'
import { readPayload } from '../request-payload.ts'
import { summarise } from '../requests.ts'
import type { DeskHandler } from './handler.ts'
import { knownRequest } from './own.ts'

/** The frozen card, and the hash that a review of it has to quote. */
export const show: DeskHandler<ShowCall, ShowReply> = {
  shape: showCallShape,
  async handle({ token, requestId }, context) {
    await context.identity.verifyToken(token)
    const request = await knownRequest(context, requestId)
    if (!request) throw new HoldpointError('UNKNOWN_REQUEST', `${requestId}: no such request`)
    const { card } = await readPayload(context.payloads, requestId)
    return { summary: summarise(request), card, renderHash: request.requested.renderHash }
  },
}

import {
  digestBytes,
  type ErrorCode,
  HoldpointError,
  type RevokeCall,
  type RevokeReply,
  revokeCallShape,
  type Spend,
  samePrincipal,
} from '#contract'
import { decideByReviews } from '../arrows/decide.ts'
import { isReviewer } from '../arrows/may-answer.ts'
import { takeBack } from '../arrows/spend.ts'
import type { Context } from '../context.ts'
import { type Request, stateOf } from '../state/requests.ts'
import type { DeskHandler } from './handler.ts'
import { namedRequest } from './own.ts'
import { signedIn } from './review.ts'

/**
 * Somebody who could have reviewed it takes an approval back before it is used. The same call again, its answer lost,
 * gets the same answer; everybody else hears what came first.
 */
export const revoke: DeskHandler<RevokeCall, RevokeReply> = {
  shape: revokeCallShape,
  async handle({ token, requestId, channel }, context) {
    const person = await context.identity.verifyToken(token)
    const request = await namedRequest(context, requestId)
    const may = isReviewer(context, person, request)
    if (!may.ok) throw new HoldpointError(may.code, may.code === 'SELF_APPROVAL' ? OWN_WORK : may.reason)
    await refuseUnapproved(context, request)
    const by = signedIn(person, channel, digestBytes(token))
    const spent = request.spent ?? (await takeBack(context, request, by))
    if (spent.spend === 'revoked' && spent.by && samePrincipal(spent.by, person))
      return { state: stateOf(request) }
    throw new HoldpointError(CAME_FIRST[spent.spend], `${requestId} is ${stateOf(request)}`)
  },
}

const OWN_WORK =
  'Only whoever could have reviewed it takes an approval back: those whose work it is cancel it instead.'

const CAME_FIRST: Readonly<Record<Spend, ErrorCode>> = {
  consumed: 'ALREADY_SPENT',
  lapsed: 'APPROVAL_LAPSED',
  revoked: 'APPROVAL_REVOKED',
}

async function refuseUnapproved(context: Context, request: Request): Promise<void> {
  const { requestId } = request.requested
  // Reviews that are committed already count first, whichever broker took them.
  await decideByReviews(context, request)
  if (!request.decided) await context.catchUp()
  if (!request.decided)
    throw new HoldpointError('TOO_EARLY', `${requestId} waits for a decision: deny it instead`)
  if (request.decided.decision !== 'approved')
    throw new HoldpointError('ALREADY_DECIDED', `${requestId} is ${stateOf(request)}`)
}

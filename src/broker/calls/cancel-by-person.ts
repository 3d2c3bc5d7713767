import {
  type Approver,
  digestBytes,
  HoldpointError,
  type PersonCancelCall,
  type PersonCancelReply,
  type Principal,
  personCancelCallShape,
  samePrincipal,
} from '#contract'
import { cancel, decideByReviews } from '../arrows/decide.ts'
import { takeBack } from '../arrows/spend.ts'
import type { Context } from '../context.ts'
import { type Request, stateOf } from '../state/requests.ts'
import type { DeskHandler } from './handler.ts'
import { namedRequest } from './own.ts'
import { signedIn } from './review.ts'

/** The people whose work it is take it back: before it is decided, or before its approval is used. */
export const cancelByPerson: DeskHandler<PersonCancelCall, PersonCancelReply> = {
  shape: personCancelCallShape,
  async handle({ token, requestId, channel }, context) {
    const person = await context.identity.verifyToken(token)
    const request = await namedRequest(context, requestId)
    if (person.service || !isOnesWork(request, person))
      throw new HoldpointError(
        'NOT_THE_REQUESTER',
        `only the agent’s owner, or whom it acts for, may cancel ${requestId}; everybody else denies it`,
      )
    const by = signedIn(person, channel, digestBytes(token))
    // Reviews that are committed already count first, whichever broker took them.
    await decideByReviews(context, request)
    if (!request.decided && (await cancelled(context, request, by))) return { state: stateOf(request) }
    if (await revoked(context, request, by)) return { state: stateOf(request) }
    throw new HoldpointError('ALREADY_DECIDED', `${requestId} is ${stateOf(request)}`)
  },
}

async function cancelled(context: Context, request: Request, by: Approver): Promise<boolean> {
  const { requestId, expiresAt } = request.requested
  if (context.now() >= expiresAt) throw new HoldpointError('APPROVAL_EXPIRED', `${requestId} has expired`)
  await cancel(context, request, by)
  return request.decided?.decision === 'cancelled'
}

async function revoked(context: Context, request: Request, by: Approver): Promise<boolean> {
  if (request.decided?.decision !== 'approved' || request.spent) return false
  return (await takeBack(context, request, by)).spend === 'revoked'
}

const isOnesWork = ({ requested: { owner, onBehalfOf } }: Request, person: Principal): boolean =>
  [owner, ...onBehalfOf].some((party) => samePrincipal(party, person))

import {
  digestBytes,
  type EraseCall,
  type ErasedEntry,
  type EraseReply,
  epochOf,
  eraseCallShape,
  HoldpointError,
  ledgerSubject,
} from '#contract'
import { mayDo } from '#policy'
import type { Context } from '../context.ts'
import { type Request, stateOf } from '../state/requests.ts'
import type { DeskHandler } from './handler.ts'
import { namedRequest } from './own.ts'
import { signedIn } from './review.ts'

/**
 * What a request was about becomes unreadable for good: recorded first, then its key is deleted. Erasing it again
 * answers with when it was erased, and sees to it that the key is gone.
 */
export const erase: DeskHandler<EraseCall, EraseReply> = {
  shape: eraseCallShape,
  async handle({ token, requestId, channel }, context) {
    const person = await context.identity.verifyToken(token)
    const { compiled } = context.documents.policy()
    const may = mayDo(compiled, context.documents.people(), person, 'erase')
    if (!may.ok) throw new HoldpointError(may.code, may.reason)
    const request = await namedRequest(context, requestId)
    const erased =
      request.erased ?? (await record(context, request, signedIn(person, channel, digestBytes(token))))
    // Whatever becomes of this process, somebody deletes it.
    context.erasures.add(requestId)
    await context.payloads.erase(requestId)
    return { erasedAtMs: erased.at }
  },
}

async function record(context: Context, request: Request, by: ErasedEntry['by']): Promise<ErasedEntry> {
  await refuseUnfinished(context, request)
  const { requestId, actionDigest } = request.requested
  const entry: ErasedEntry = { type: 'erased', at: context.now(), requestId, actionDigest, by }
  const committed = await context.ledger.commit(ledgerSubject.erased(epochOf(requestId), requestId), entry)
  context.requests.apply(committed.entry, committed.position)
  return committed.entry
}

/** What may still run has to stay readable for whoever releases it, takes it back, or has to explain it. */
async function refuseUnfinished(context: Context, request: Request): Promise<void> {
  const isOpen = (): boolean => ['pending', 'approved'].includes(stateOf(request))
  if (isOpen()) await context.catchUp()
  if (!isOpen()) return
  const { requestId } = request.requested
  throw new HoldpointError(
    'TOO_EARLY',
    stateOf(request) === 'pending'
      ? `${requestId} waits for a decision: deny or cancel it first`
      : `${requestId} is approved and not yet used: revoke it first`,
  )
}

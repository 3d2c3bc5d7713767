import { type ConsumeCall, type ConsumeReply, consumeCallShape, HoldpointError } from '#contract'
import { checkNotFrozen } from '../arrows/freezing.ts'
import { hasLapsed, spend } from '../arrows/spend.ts'
import type { AgentHandler } from './handler.ts'
import { spendableRequest } from './own.ts'

/**
 * The approval is used up before the effect, once. The same call again (same nonce, its answer was lost) gets the
 * same answer; any other call finds it spent.
 */
export const consume: AgentHandler<ConsumeCall, ConsumeReply> = {
  shape: consumeCallShape,
  async handle(agentId, { requestId, actionDigest, nonce, trace, process }, context) {
    checkNotFrozen(context, agentId)
    const request = await spendableRequest(context, agentId, requestId)
    const requester = request.requested.agent.sub
    if (actionDigest !== request.requested.actionDigest)
      throw new HoldpointError(
        'WARRANT_MISMATCH',
        'the approval is for another action than the one to be executed',
      )
    // Else it would stay consumed for ever: nobody is known whose silence leaves it ambiguous.
    if (process === undefined && (request.requested.process === undefined || agentId !== requester))
      throw new HoldpointError(
        'INVALID_INPUT',
        'consume.process is missing, expected the process that runs it',
      )
    // The warrant may have come from another replica a moment ago.
    if (!request.decided) await context.catchUp()
    if (request.decided?.decision !== 'approved')
      throw new HoldpointError('APPROVAL_DENIED', 'there is no approval to consume')

    // Frozen while we looked it up; where a resource spends it, the agent whose work it is.
    checkNotFrozen(context, agentId)
    checkNotFrozen(context, requester)
    const { entry, position } = await spend(
      context,
      request,
      hasLapsed(request, context.now()) ? 'lapsed' : 'consumed',
      { nonce, trace, ...(process === undefined ? {} : { process }) },
    )
    if (entry.spend === 'lapsed') throw new HoldpointError('APPROVAL_LAPSED')
    if (entry.spend === 'revoked') throw new HoldpointError('APPROVAL_REVOKED')
    if (
      entry.nonce !== nonce ||
      entry.trace?.spanId !== trace.spanId ||
      entry.trace.traceId !== trace.traceId
    )
      throw new HoldpointError('ALREADY_SPENT')
    return {
      consumed: context.mint.consumed(
        request.requested,
        { ...entry, ...position },
        { nonce, trace },
        context.now(),
      ),
    }
  },
}

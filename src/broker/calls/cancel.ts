import { type CancelCall, cancelCallShape, type RequestState } from '#contract'
import { cancel as cancelRequest } from '../arrows/decide.ts'
import { spend } from '../arrows/spend.ts'
import { stateOf } from '../state/requests.ts'
import type { AgentHandler } from './handler.ts'
import { ownRequest } from './own.ts'

/** The requester no longer wants it. An approval that came first is given back unused. */
export const cancel: AgentHandler<CancelCall, { state: RequestState }> = {
  shape: cancelCallShape,
  async handle(agentId, { requestId }, context) {
    const request = await ownRequest(context, agentId, requestId)
    if (!request.decided) await cancelRequest(context, request)
    if (request.decided?.decision === 'approved' && !request.spent) await spend(context, request, 'revoked')
    return { state: stateOf(request) }
  },
}

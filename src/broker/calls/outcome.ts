import { HoldpointError, type OutcomeCall, outcomeCallShape } from '#contract'
import { conclude } from '../arrows/spend.ts'
import { withoutSecrets } from '../request/lasting.ts'
import type { AgentHandler } from './handler.ts'
import { spendableRequest } from './own.ts'

/** What became of the action, in the requester's words: the ledger says that they are its words. */
export const outcome: AgentHandler<OutcomeCall, Record<string, never>> = {
  shape: outcomeCallShape,
  async handle(agentId, call, context) {
    const request = await spendableRequest(context, agentId, call.requestId)
    if (!request.spent) await context.catchUp()
    if (request.spent?.spend !== 'consumed')
      throw new HoldpointError('INVALID_INPUT', 'outcome: nothing was consumed under this request')
    if (request.spent.nonce !== call.nonce)
      throw new HoldpointError('ALREADY_SPENT', 'outcome: somebody else consumed this approval')
    const { errorType } = call
    const shown = errorType === undefined ? undefined : withoutSecrets(errorType)
    await conclude(context, request, call.outcome, shown)
    return {}
  },
}

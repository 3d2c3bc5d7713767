import { type ClaimCall, type ClaimReply, claimCallShape } from '#contract'
import { expire } from '../arrows/decide.ts'
import { checkNotFrozen } from '../arrows/freezing.ts'
import { hasLapsed, spend } from '../arrows/spend.ts'
import type { Context } from '../context.ts'
import { reasonOf } from '../request/request-payload.ts'
import type { Request } from '../state/requests.ts'
import type { AgentHandler } from './handler.ts'
import { ownRequest } from './own.ts'

/** The requester asks what was decided. A warrant is minted here, and only from a committed decision. */
export const claim: AgentHandler<ClaimCall, ClaimReply> = {
  shape: claimCallShape,
  async handle(agentId, { requestId, trace }, context) {
    checkNotFrozen(context, agentId)
    const request = await ownRequest(context, agentId, requestId)
    if (!request.decided && context.now() >= request.requested.expiresAt) await expire(context, request)
    // Decided through another replica, perhaps: its hint may have been quicker than the ledger's tail.
    if (!request.decided) await context.catchUp()
    const { decided } = request
    if (!decided) return { status: 'pending' }
    if (decided.decision !== 'approved') return refusal(context, request)

    if (hasLapsed(request, context.now())) await spend(context, request, 'lapsed')
    switch (request.spent?.spend) {
      case 'lapsed':
        return { status: 'spent', code: 'APPROVAL_LAPSED' }
      case 'revoked':
        return { status: 'spent', code: 'APPROVAL_REVOKED' }
      case 'consumed':
        return { status: 'spent', code: 'ALREADY_SPENT' }
      default:
        return {
          status: 'approved',
          warrant: context.mint.warrant(request.requested, decided, context.now(), trace),
        }
    }
  },
}

async function refusal(context: Context, request: Request): Promise<ClaimReply> {
  const { decided } = request
  const by = (decided?.by ?? []).map(({ iss, sub, name, channel, assurance }) => ({
    iss,
    sub,
    name,
    channel,
    assurance,
  }))
  const reason = await reasonOf(context, request)
  return {
    status: decided?.decision as 'denied' | 'expired' | 'cancelled',
    by,
    ...(reason === undefined ? {} : { reason }),
  }
}

import { HoldpointError } from '#contract'
import type { Context } from '../context.ts'
import type { Request } from '../requests.ts'

/** An agent's request, or UNKNOWN_REQUEST: whether somebody else has one by that id is none of its business. */
export function ownRequest({ requests }: Context, agentId: string, requestId: string): Request {
  const found = requests.get(requestId)
  if (found?.requested.agent.sub === agentId) return found
  throw new HoldpointError('UNKNOWN_REQUEST')
}

import { HoldpointError } from '#contract'
import type { Context } from '../context.ts'
import { type Request, spenderOf } from '../state/requests.ts'

/** An agent's request, or UNKNOWN_REQUEST: whether somebody else has one by that id is none of its business. */
export async function ownRequest(context: Context, agentId: string, requestId: string): Promise<Request> {
  const found = await knownRequest(context, requestId)
  if (found?.requested.agent.sub === agentId) return found
  throw new HoldpointError('UNKNOWN_REQUEST')
}

/**
 * A request whose approval this caller is to spend: the agent's own, or one that was asked for at this resource. Then
 * it is nobody else's to spend, the agent's neither.
 */
export async function spendableRequest(
  context: Context,
  callerId: string,
  requestId: string,
): Promise<Request> {
  const found = await knownRequest(context, requestId)
  if (found && spenderOf(found) === callerId) return found
  throw new HoldpointError('UNKNOWN_REQUEST')
}

/** The request that somebody signed in, or a channel, has named; or UNKNOWN_REQUEST. */
export async function namedRequest(context: Context, requestId: string): Promise<Request> {
  const found = await knownRequest(context, requestId)
  if (found) return found
  throw new HoldpointError('UNKNOWN_REQUEST', `${requestId}: no such request`)
}

/**
 * A request that is not known here may have been opened through another replica a moment ago, or have ended so long
 * ago that only the ledger knows it.
 */
export async function knownRequest(
  { requests, past, catchUp }: Pick<Context, 'requests' | 'past' | 'catchUp'>,
  requestId: string,
): Promise<Request | undefined> {
  if (!requests.get(requestId)) await catchUp()
  return knownAttempt({ requests, past }, requestId)
}

type Lookup = Pick<Context, 'requests' | 'past'>

/** The request that an attempt has opened, whatever has become of it since: in memory, or in the ledger alone. */
export async function knownAttempt(
  { requests, past }: Lookup,
  requestId: string,
): Promise<Request | undefined> {
  return requests.get(requestId) ?? (requests.haveLeft() ? past.read(requestId) : undefined)
}

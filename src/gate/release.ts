import { randomBytes } from 'node:crypto'
import { type Action, actionDigest, HoldpointError, type Requester, type WarrantClaims } from '#contract'
import type { Trust } from '#warrant'
import type { Connection } from './connection.ts'
import { consumeReplyShape, readReply } from './replies.ts'

/** What was asked for: the very values that will be executed, frozen. */
export interface HeldAction {
  requestId: string
  salt: string
  action: Action
  requester: Requester
}

interface ReleaseDeps {
  trust: Trust
  connection: Connection
  timeoutMs: number
}

/** Verifies that the warrant is for exactly this action, here and now. Throws UNTRUSTED, STALE, WARRANT_MISMATCH. */
export function verify(warrant: string, held: HeldAction, { trust }: ReleaseDeps): WarrantClaims {
  const { precondition } = held.action.runtime
  return trust.verifyWarrant(warrant, {
    aud: held.requester.enforcement,
    requestId: held.requestId,
    actionDigest: digestOf(held),
    trace: held.action.trace,
    ...(precondition === undefined ? {} : { precondition }),
  })
}

/**
 * Drawn once for each consumption. A retry of an unanswered call repeats it: the broker then repeats its answer, and
 * no other caller gets one, nor can say what became of it.
 */
export const newNonce = (): string => randomBytes(16).toString('base64url')

/** Spends the approval, once, and verifies the broker's signed word for it. Throws for any doubt. */
export async function spend(
  held: HeldAction,
  nonce: string,
  { trust, connection, timeoutMs }: ReleaseDeps,
): Promise<void> {
  const { requestId, action, requester } = held
  const digest = digestOf(held)
  const call = { requestId, actionDigest: digest, nonce, trace: action.trace }
  const reply = readReply(consumeReplyShape, await connection.call('consume', call, timeoutMs), 'consume')
  trust.verifyConsumed(reply.consumed, { aud: requester.enforcement, requestId, nonce, actionDigest: digest })
}

/** The broker must have understood exactly what was asked, before anybody is made to wait for it. */
export function checkSameAction(digest: string, held: HeldAction): void {
  if (digestOf(held) !== digest)
    throw new HoldpointError('WARRANT_MISMATCH', 'The broker took a digest of another action than was asked.')
}

/** Taken anew each time, from the values that will be executed. */
const digestOf = ({ action, requester, salt }: HeldAction) => actionDigest(action, requester, salt)

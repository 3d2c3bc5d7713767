import { randomBytes } from 'node:crypto'
import {
  actionDigest,
  type BoundAction,
  type BoundRequester,
  type ErrorCode,
  HoldpointError,
  type TraceRef,
  type WarrantClaims,
} from '#contract'
import type { Trust } from '#warrant'
import type { Connection } from './connection.ts'
import { createPermit, NOT_RUN, type OpenPermit } from './permit.ts'
import { proofOf } from './proof.ts'
import { consumeReplyShape, readReply } from './replies.ts'
import { cancel, type Hold, type HoldDeps } from './request.ts'
import { markApprovers, markRuling } from './span.ts'

/** What was asked for: the very values that will be executed, frozen. */
export interface HeldAction {
  requestId: string
  salt: string
  action: BoundAction & { trace: TraceRef }
  requester: BoundRequester
}

export interface Means {
  trust: Trust
  connection: Connection
  process: string
  timeoutMs: number
}

/** With a warrant for exactly this action its approval is spent, and what comes back is good for one execution. */
export async function release(
  warrant: string,
  asked: HeldAction,
  { attempt, span, signal }: Pick<Hold, 'attempt' | 'span' | 'signal'>,
  deps: HoldDeps,
): Promise<OpenPermit> {
  const { requestId, action, requester } = asked
  const { trust, connection, process } = deps.session
  const means = { trust, connection, process, timeoutMs: deps.timeoutMs }
  const claims = verify(warrant, asked, means)
  const { rule, policy_version: policyVersion, approvals } = claims.hp
  markRuling(span, { effect: 'hold', rule, policyVersion }, requester.enforcement)
  markApprovers(span, approvals)
  if (signal.aborted) throw new HoldpointError('APPROVAL_CANCELLED', 'The caller cancelled it.')
  const permit = { attempt, approved: action.arguments, span, requestId, freeze: deps.freeze }
  if (attempt.resource === undefined)
    return createPermit({ ...permit, report: await spendHere(asked, means, deps) })
  return createPermit({
    ...permit,
    proof: proofOf(warrant, asked),
    // What became of it the resource says. What was never sent there is given back.
    report: (_, errorType) => void (errorType === NOT_RUN && cancel(requestId, deps)),
  })
}

export type Report = (outcome: 'executed' | 'failed', errorType?: string) => void

/** Spends it, and returns how the ledger is told what became of it. */
export async function spendHere(
  asked: HeldAction,
  means: Means,
  { outcomes }: Pick<HoldDeps, 'outcomes'>,
): Promise<Report> {
  const { requestId } = asked
  const nonce = newNonce()
  const report: Report = (outcome, errorType) =>
    outcomes.report({ requestId, nonce, outcome, ...(errorType === undefined ? {} : { errorType }) })
  try {
    await spend(asked, nonce, means)
  } catch (error) {
    // It may be spent nevertheless; then the ledger should know that nothing ran. Not so where somebody else was
    // first: the first word about an outcome stands, and theirs is the true one.
    if (!(error instanceof HoldpointError && USED_UP.has(error.code))) report('failed', NOT_RUN)
    throw error
  }
  return report
}

const USED_UP: ReadonlySet<ErrorCode> = new Set(['ALREADY_SPENT', 'APPROVAL_LAPSED', 'APPROVAL_REVOKED'])

/** Verifies that the warrant is for exactly this action, here and now. Throws UNTRUSTED, STALE, WARRANT_MISMATCH. */
export function verify(warrant: string, held: HeldAction, { trust }: Pick<Means, 'trust'>): WarrantClaims {
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
  { trust, connection, process, timeoutMs }: Means,
): Promise<void> {
  const { requestId, action, requester } = held
  const digest = digestOf(held)
  const call = { requestId, actionDigest: digest, nonce, trace: action.trace, process }
  const reply = readReply(consumeReplyShape, await connection.call('consume', call, timeoutMs), 'consume')
  trust.verifyConsumed(reply.consumed, { aud: requester.enforcement, requestId, nonce, actionDigest: digest })
}

/** The broker must have understood exactly what was asked, before anybody is made to wait for it. */
export function checkSameAction(digest: string, held: HeldAction): void {
  if (digestOf(held) !== digest)
    throw new HoldpointError('WARRANT_MISMATCH', 'The broker took a digest of another action than was asked.')
}

/** Taken anew each time, from the values that will be executed. */
export const digestOf = ({ action, requester, salt }: HeldAction) => actionDigest(action, requester, salt)

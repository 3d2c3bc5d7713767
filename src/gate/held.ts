import { ATTR, type RequestReply } from '#contract'
import { runAllowed } from './allowed.ts'
import type { OpenPermit } from './permit.ts'
import { cancelled, refuseFor } from './refusal.ts'
import { checkSameAction, type HeldAction, release } from './release.ts'
import { cancel, type Hold, type HoldDeps, request, requesterOf } from './request.ts'
import { deniedAtOnce, markSettled, notApproved } from './settled.ts'
import { openWait } from './span.ts'
import type { Refusal } from './types.ts'
import { type Settled, waitForDecision } from './wait.ts'

/** Asks people, waits for them, and has the approval spent. Whatever goes wrong on the way is a refusal. */
export async function hold(held: Hold, deps: HoldDeps): Promise<OpenPermit | Refusal> {
  const { attempt, span } = held
  const reply = await request(held, deps)
  if (reply === undefined) return cancelled(attempt)
  if (reply.status === 'denied') return deniedAtOnce(reply, held, deps)
  if (reply.status === 'allowed') return runAllowed(reply, held, deps)

  const { requestId } = reply
  const leave = deps.waiting.join(requestId)
  const cancelIfLast = () => {
    if (leave()) cancel(requestId, deps)
  }
  span.span.setAttribute(ATTR.approvalId, requestId)
  span.span.setAttribute(ATTR.actionDigest, reply.actionDigest)
  const asked: HeldAction = {
    requestId,
    salt: reply.salt,
    action: held.action,
    requester: requesterOf(held.authority, reply.onBehalfOf, attempt.resource),
  }
  try {
    checkSameAction(reply.actionDigest, asked)
    const expiresAtMs = reply.expiresAtMs - held.authority.clockAheadMs
    attempt.onHeld?.({ requestId, expiresAtMs })
    const settled = await wait(reply, held, deps)
    if (settled.status === 'aborted' || settled.status === 'unheard') cancelIfLast()
    if (settled.status !== 'approved') return notApproved(settled, requestId, attempt)
    return await release(settled.warrant, asked, held, deps)
  } catch (error) {
    // Nobody should go on judging what will not run.
    cancelIfLast()
    return refuseFor(error, attempt.name, requestId)
  } finally {
    leave()
  }
}

async function wait(
  { requestId, expiresAtMs }: RequestReply & { status: 'held' },
  { attempt, span, authority, signal }: Hold,
  deps: HoldDeps,
): Promise<Settled> {
  const waitSpan = openWait(deps.tracer, span, attempt.name)
  const startedAtMs = deps.now()
  try {
    const settled = await waitForDecision(
      {
        requestId,
        expiresAtMs: expiresAtMs - authority.clockAheadMs,
        pollMs: authority.heartbeatMs * 4,
        signal,
      },
      { now: deps.now, connection: deps.session.connection, waiting: deps.waiting, freeze: deps.freeze },
    )
    markSettled(settled, span, deps.now() - startedAtMs)
    return settled
  } finally {
    waitSpan.end()
  }
}

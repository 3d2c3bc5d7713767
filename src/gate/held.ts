import { ATTR, type Decision, type ErrorCode, HoldpointError, type RequestReply } from '#contract'
import { runAllowed } from './allowed.ts'
import { createPermit, type OpenPermit } from './permit.ts'
import { cancelled, refuse, refuseFor } from './refusal.ts'
import { checkSameAction, type HeldAction, newNonce, spend, verify } from './release.ts'
import { cancel, type Hold, type HoldDeps, request, requesterOf } from './request.ts'
import { type ActionSpan, markApprovers, markDecision, openWait } from './span.ts'
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
    requester: requesterOf(held.authority, reply.onBehalfOf),
  }
  try {
    checkSameAction(reply.actionDigest, asked)
    const expiresAtMs = reply.expiresAtMs - held.authority.clockAheadMs
    attempt.onHeld?.({ requestId, expiresAtMs })
    const settled = await wait(reply, held, deps)
    if (settled.status !== 'approved') return notApproved(settled, requestId, held, cancelIfLast)
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

function markSettled(settled: Settled, span: ActionSpan, waitMs: number): void {
  const reason = 'reason' in settled ? settled.reason : undefined
  markDecision(span, DECISION_OF[settled.status], { waitMs, reason })
  if ('by' in settled) markApprovers(span, settled.by)
}

const DECISION_OF = {
  approved: 'approved',
  spent: 'approved',
  denied: 'denied',
  expired: 'expired',
  unheard: 'expired',
  cancelled: 'cancelled',
  aborted: 'cancelled',
} as const satisfies Record<Settled['status'], Decision>

async function release(
  warrant: string,
  asked: HeldAction,
  { attempt, span, signal }: Hold,
  deps: HoldDeps,
): Promise<OpenPermit | Refusal> {
  const { requestId } = asked
  const { trust, connection } = deps.session
  const means = { trust, connection, timeoutMs: deps.timeoutMs }
  const nonce = newNonce()
  const report = (outcome: 'executed' | 'failed', errorType?: string) =>
    deps.outcomes.report({ requestId, nonce, outcome, ...(errorType === undefined ? {} : { errorType }) })

  const claims = verify(warrant, asked, means)
  markApprovers(span, claims.hp.approvals)
  if (signal.aborted) throw new HoldpointError('APPROVAL_CANCELLED', 'The caller cancelled it.')
  try {
    await spend(asked, nonce, means)
  } catch (error) {
    // It may be spent nevertheless; then the ledger should know that nothing ran. Not so where somebody else was
    // first: the first word about an outcome stands, and theirs is the true one.
    if (!(error instanceof HoldpointError && USED_UP.has(error.code))) report('failed', 'not_run')
    throw error
  }
  return createPermit({
    attempt,
    approved: asked.action.arguments,
    span,
    requestId,
    report,
    freeze: deps.freeze,
  })
}

const USED_UP: ReadonlySet<ErrorCode> = new Set(['ALREADY_SPENT', 'APPROVAL_LAPSED', 'APPROVAL_REVOKED'])

function notApproved(
  settled: Exclude<Settled, { status: 'approved' }>,
  requestId: string,
  { attempt }: Hold,
  cancelIfLast: () => void,
): Refusal {
  const { name } = attempt
  if (settled.status === 'aborted' || settled.status === 'unheard') cancelIfLast()
  switch (settled.status) {
    case 'aborted':
      return cancelled(attempt, requestId)
    case 'unheard':
      return refuse({ code: 'APPROVAL_EXPIRED', name, requestId })
    case 'spent':
      return refuse({ code: settled.code, name, requestId })
    default:
      return refuse({ code: CODE_OF[settled.status], name, requestId, reason: settled.reason })
  }
}

const CODE_OF = {
  denied: 'APPROVAL_DENIED',
  expired: 'APPROVAL_EXPIRED',
  cancelled: 'APPROVAL_CANCELLED',
} as const satisfies Record<string, ErrorCode>

/** The broker ruled otherwise than we did, remembers a denial, or refuses this agent for now: its word counts. */
function deniedAtOnce(
  reply: RequestReply & { status: 'denied' },
  { attempt, span }: Hold,
  { session, backoff }: HoldDeps,
): Refusal {
  const { code, reason, rule, requestId, retryAfterMs = 0 } = reply
  if (code === 'TOO_MANY') backoff.refused(reason, retryAfterMs)
  // What we rule by ourselves is to be refused as well.
  if (code === 'AGENT_FROZEN') session.greetAgain()
  if (rule !== '') span.span.setAttribute(ATTR.policyRule, rule)
  if (code === 'POLICY_DENIED') span.span.setAttribute(ATTR.ruling, 'deny')
  if (code === 'APPROVAL_DENIED') span.span.setAttribute(ATTR.decision, 'denied')
  return refuse({ code, name: attempt.name, reason, rule, requestId })
}

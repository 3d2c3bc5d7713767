import {
  type Action,
  ATTR,
  actionShape,
  digestShape,
  freezeJson,
  HoldpointError,
  integer,
  list,
  literal,
  object,
  optional,
  parse,
  principalShape,
  type Shape,
  text,
} from '#contract'
import type { Authority } from './authority.ts'
import type { Core } from './core.ts'
import type { OpenPermit } from './permit.ts'
import { cancelled, refuseFor } from './refusal.ts'
import { checkSameAction, type HeldAction, release } from './release.ts'
import { type HoldDeps, requesterOf } from './request.ts'
import { markSettled, notApproved } from './settled.ts'
import { type ActionSpan, openSpan, traceOf } from './span.ts'
import type { GateAttempt, PendingApproval, Refusal, ResumeOptions, StillPending } from './types.ts'
import { claim, type Settled, waitForDecision } from './wait.ts'

/** Throws INVALID_INPUT: it has lain in somebody's store. */
const readPending = (value: unknown): PendingApproval => parse(pendingShape, value, 'pending approval')

const pendingShape: Shape<PendingApproval> = object({
  v: literal(1),
  requestId: text({ min: 1, max: 200 }),
  actionDigest: digestShape,
  salt: text({ min: 22, max: 100 }),
  onBehalfOf: list(principalShape, { max: 8 }),
  action: actionShape,
  attempt: text({ min: 1, max: 500 }),
  resource: optional(text({ min: 1, max: 200 })),
  expiresAtMs: integer(),
})

export type Outcome = Omit<StillPending, 'permitted'> | { refusal: Refusal; span?: ActionSpan }

/** What `askOnly` returned, wherever it has been since. Never throws. */
export async function goOn(
  given: PendingApproval,
  options: ResumeOptions,
  core: Core,
): Promise<OpenPermit | Outcome> {
  let name = 'The action'
  try {
    const approval = readPending(given)
    name = approval.action.name
    const { waitMs = 0 } = options
    const attempt = { ...carried(options), ...attemptOf(approval) }
    const authority = await core.authorityFor(attempt)
    if (authority === undefined || attempt.signal?.aborted) return { refusal: cancelled(attempt) }
    core.deps.freeze.check()
    const signal = core.untilStopped(attempt.signal)
    const resumed = resume({ approval, attempt, authority, waitMs, signal }, core)
    core.deps.background.add(resumed)
    return await resumed
  } catch (error) {
    return { refusal: refuseFor(error, name) }
  }
}

const CARRIED = ['signal', 'annotate', 'failureIn', 'agentName', 'conversation', 'user'] as const

/**
 * And nothing else: what is resumed, and who spends its approval, the record alone says, even where a caller spreads the
 * whole attempt that it asked with. A resource among them would leave the approval unspent, to be run again.
 */
const carried = (options: ResumeOptions): Omit<ResumeOptions, 'waitMs'> =>
  Object.fromEntries(
    CARRIED.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]),
  )

const attemptOf = ({ action: { kind, name, target }, attempt, resource }: PendingApproval) => ({
  kind,
  name,
  attempt,
  ...(target === undefined ? {} : { target }),
  ...(resource === undefined ? {} : { resource }),
})

interface Resumption {
  approval: PendingApproval
  attempt: GateAttempt & { attempt: string }
  authority: Authority
  waitMs: number
  signal: AbortSignal
}

/** Once there is a span, whatever goes wrong is a refusal that it tells of. */
async function resume(resumption: Resumption, { config, deps }: Core): Promise<OpenPermit | Outcome> {
  const { approval, authority, attempt } = resumption
  const { requestId } = approval
  const requester = requesterOf(authority, approval.onBehalfOf, approval.resource)
  // What lay in the store is compared before anybody is asked for it, and again with the warrant.
  checkSameAction(approval.actionDigest, { ...approval, requester })
  const settled = await settle(resumption, deps)
  if (settled === undefined) return { pending: approval }
  const span = openSpan(deps.tracer, attempt, config.agentId, approval.action.trace)
  span.span.setAttribute(ATTR.approvalId, requestId)
  span.span.setAttribute(ATTR.actionDigest, approval.actionDigest)
  span.span.setAttribute(ATTR.ruling, 'hold')
  markSettled(settled, span)
  if (settled.status !== 'approved') return { refusal: notApproved(settled, requestId, attempt), span }
  try {
    const action = { ...approval.action, trace: traceOf(span.span) }
    const asked = { requestId, salt: approval.salt, action: freezeAction(action), requester }
    return await release(await warrantFor(asked, deps), asked, { ...resumption, span }, deps)
  } catch (error) {
    return { refusal: refuseFor(error, attempt.name, requestId), span }
  }
}

const freezeAction = (action: Action): Action => ({ ...action, arguments: freezeJson(action.arguments) })

/** A timer holds no more: the caller asks again. */
const LONGEST_WAIT_MS = 2 ** 31 - 1

/** What people have said by now, or within the time that the caller has; undefined while they have not. */
async function settle(resumption: Resumption, deps: HoldDeps): Promise<Settled | undefined> {
  const { approval, authority, waitMs, signal } = resumption
  const { requestId } = approval
  const { connection } = deps.session
  if (waitMs <= 0) {
    const answer = await claim({ requestId }, connection, deps.timeoutMs, signal)
    if (signal.aborted) return { status: 'aborted' }
    if (answer === undefined) throw new HoldpointError('BROKER_UNAVAILABLE')
    return answer.status === 'pending' ? undefined : answer
  }
  const enough = AbortSignal.timeout(Math.min(waitMs, LONGEST_WAIT_MS))
  const settled = await waitForDecision(
    {
      requestId,
      expiresAtMs: approval.expiresAtMs - authority.clockAheadMs,
      pollMs: authority.heartbeatMs * 4,
      signal: AbortSignal.any([signal, enough]),
    },
    { now: deps.now, connection, waiting: deps.waiting, freeze: deps.freeze },
  )
  return settled.status === 'aborted' && !signal.aborted ? undefined : settled
}

/** For the span that runs it, which is not the one that asked. */
async function warrantFor(
  { requestId, action }: HeldAction,
  { session, timeoutMs }: HoldDeps,
): Promise<string> {
  const never = new AbortController().signal
  const answer = await claim({ requestId, trace: action.trace }, session.connection, timeoutMs, never)
  if (answer?.status === 'approved') return answer.warrant
  throw new HoldpointError(answer?.status === 'spent' ? answer.code : 'BROKER_UNAVAILABLE')
}

import type { Tracer } from '@opentelemetry/api'
import type { Action, EnforcementPoint, Requester, RequestReply } from '#contract'
import type { Allowances } from './allowed.ts'
import type { Authority } from './authority.ts'
import type { Background } from './background.ts'
import type { Backoff } from './backoff.ts'
import type { Freeze } from './freeze.ts'
import type { Outcomes } from './outcomes.ts'
import { readReply, requestReplyShape } from './replies.ts'
import type { Session } from './session.ts'
import type { ActionSpan } from './span.ts'
import type { GateAttempt } from './types.ts'
import { unlessAborted, type Waiting } from './wait.ts'

export interface HoldDeps {
  now: () => number
  session: Session
  waiting: Waiting
  outcomes: Outcomes
  background: Background
  freeze: Freeze
  backoff: Backoff
  allowances: Allowances
  tracer: Tracer
  timeoutMs: number
}

export interface Hold {
  attempt: GateAttempt & { attempt: string }
  /** Frozen: asked for and executed are the same values. */
  action: Action
  span: ActionSpan
  authority: Authority
  /** The caller's signal, or the gate's end. */
  signal: AbortSignal
  /** This process does not wait: the request stands without it. */
  isDetached?: boolean
}

const CANCEL_TIMEOUT_MS = 5_000

/** Undefined when the caller goes away meanwhile; the request is then cancelled as soon as its id is known. */
export async function request(held: Hold, deps: HoldDeps): Promise<RequestReply | undefined> {
  const { attempt, action, signal, isDetached } = held
  const { statement, onBehalfOf, promptedBy, conversation, resource, doubt } = attempt
  deps.backoff.check()
  const call = {
    process: isDetached ? undefined : deps.session.process,
    attempt: {
      action,
      attempt: attempt.attempt,
      statement,
      onBehalfOf,
      promptedBy,
      conversation,
      resource,
      doubt,
    },
  }
  const asked = deps.session.connection
    .call('request', call, deps.timeoutMs)
    .then((answer) => readReply(requestReplyShape, answer, 'request'))
  const reply = await unlessAborted(asked, signal)
  if (reply === undefined)
    deps.background.add(
      asked.then((late) => late.status === 'held' && cancelUnlessWanted(late.requestId, deps)),
    )
  return reply
}

/** Two callers of one attempt share its request: one of them going away must not cost the other the approval. */
function cancelUnlessWanted(requestId: string, deps: HoldDeps): void {
  if (!deps.waiting.isJoined(requestId)) cancel(requestId, deps)
}

export function cancel(requestId: string, { session, background }: HoldDeps): void {
  // Where the broker cannot be reached, the missing heartbeat cancels it, or its time.
  background.add(session.connection.call('cancel', { requestId }, CANCEL_TIMEOUT_MS))
}

/** As the broker knows it: all but whom it acts for, and who guards the action, is in the registration. */
export const requesterOf = (
  { registration, enforcement: own }: Authority,
  onBehalfOf: Requester['onBehalfOf'],
  resource: string | undefined,
  enforcement: EnforcementPoint = resource === undefined ? own : `resource:${resource}`,
): Requester => ({
  agent: registration.agent,
  owner: registration.owner,
  environment: registration.environment,
  enforcement,
  onBehalfOf,
})

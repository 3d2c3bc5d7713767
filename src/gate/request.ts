import type { Tracer } from '@opentelemetry/api'
import type { Action, RequestReply } from '#contract'
import type { Authority } from './authority.ts'
import type { Background } from './background.ts'
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
  tracer: Tracer
  timeoutMs: number
}

export interface Hold {
  attempt: GateAttempt
  /** Frozen: asked for and executed are the same values. */
  action: Action
  span: ActionSpan
  authority: Authority
  /** The caller's signal, or the gate's end. */
  signal: AbortSignal
}

const CANCEL_TIMEOUT_MS = 5_000

/** Undefined when the caller goes away meanwhile; the request is then cancelled as soon as its id is known. */
export async function request(held: Hold, deps: HoldDeps): Promise<RequestReply | undefined> {
  const { attempt, action, signal } = held
  const { statement, onBehalfOf, conversation } = attempt
  const call = {
    process: deps.session.process,
    attempt: { action, attempt: attempt.attempt, statement, onBehalfOf, conversation },
  }
  const asked = deps.session.connection
    .call('request', call, deps.timeoutMs)
    .then((answer) => readReply(requestReplyShape, answer, 'request'))
  const reply = await unlessAborted(asked, signal)
  if (reply === undefined)
    deps.background.add(asked.then((late) => late.status === 'held' && cancel(late.requestId, deps)))
  return reply
}

export function cancel(requestId: string, { session, background }: HoldDeps): void {
  // Where the broker cannot be reached, the missing heartbeat cancels it, or its time.
  background.add(session.connection.call('cancel', { requestId }, CANCEL_TIMEOUT_MS))
}

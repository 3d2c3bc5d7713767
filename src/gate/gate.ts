import { type Tracer, trace } from '@opentelemetry/api'
import type { JsonValue } from '#contract'
import { createAllowances } from './allowed.ts'
import { askOnly } from './ask-only.ts'
import { createBackground } from './background.ts'
import { createBackoff } from './backoff.ts'
import type { Connect } from './connection.ts'
import { createCore, type Refused } from './core.ts'
import { decide, decideSync } from './decide.ts'
import { foresee } from './foresee.ts'
import { createFreeze } from './freeze.ts'
import { goOn } from './go-on.ts'
import { look } from './look.ts'
import { createOutcomes } from './outcomes.ts'
import type { OpenPermit } from './permit.ts'
import type { HoldDeps } from './request.ts'
import { createSession } from './session.ts'
import { endRefused } from './span.ts'
import type { Answer, Execute, Gate, GateAttempt, GateConfig, Held, StillPending } from './types.ts'
import { createWaiting } from './wait.ts'

export interface GateDeps {
  now: () => number
  connect?: Connect
  /** Preset: that of the global provider. */
  tracer?: Tracer
}

const REQUEST_TIMEOUT_MS = 5_000
const STOP_TIMEOUT_MS = 2_000

/**
 * The agent's side. An action is ruled on here, in microseconds; what is held is asked of people through the
 * broker, and runs only with a warrant that this gate has verified and that the broker has spent.
 * Throws INVALID_CONFIG for a pin that is none; nothing else is checked, connected or read before `start`.
 */
export function createGate(config: GateConfig, deps: GateDeps): Gate {
  const timeoutMs = config.requestTimeoutMs ?? REQUEST_TIMEOUT_MS
  const waiting = createWaiting()
  const freeze = createFreeze({ waiting })
  const session = createSession(config, { now: deps.now, connect: deps.connect, waiting, freeze })
  const outcomes = createOutcomes({ connection: session.connection })
  const background = createBackground()
  const holdDeps: HoldDeps = {
    now: deps.now,
    session,
    waiting,
    outcomes,
    background,
    tracer: deps.tracer ?? trace.getTracer('holdpoint'),
    timeoutMs,
    freeze,
    backoff: createBackoff({ now: deps.now }),
    allowances: createAllowances({ now: deps.now }),
  }
  const stopping = new AbortController()
  const core = createCore(config, holdDeps, stopping.signal)

  return {
    name: 'gate',
    async start() {
      session.start()
    },
    async stop() {
      stopping.abort()
      await background.settled(STOP_TIMEOUT_MS)
      await outcomes.flush(STOP_TIMEOUT_MS)
      outcomes.stop()
      await session.stop()
    },
    flush: (withinMs) => outcomes.flush(withinMs),
    async ask(attempt): Promise<Answer> {
      const answer = await decide(attempt, core)
      return 'refusal' in answer ? { permitted: false, refusal: answer.refusal } : answer
    },
    async hold<T>(attempt: GateAttempt, run: Execute<T>): Promise<Held<T>> {
      const begun = begin(await decide(attempt, core))
      return 'refusal' in begun ? notRun(begun) : { ran: true, value: await begun.carryOut(run) }
    },
    holdSync<T>(attempt: GateAttempt, run: (approved: JsonValue) => T): Held<T> {
      const begun = begin(decideSync(attempt, core))
      return 'refusal' in begun ? notRun(begun) : { ran: true, value: begun.carryOutSync(run) }
    },
    request: (attempt) => askOnly(attempt, core),
    async resume(approval, options = {}): Promise<Answer | StillPending> {
      const answer = await goOn(approval, options, core)
      if ('permitted' in answer) return answer
      if ('pending' in answer) return { permitted: false, pending: answer.pending }
      if (answer.span !== undefined) endRefused(answer.span, answer.refusal)
      return { permitted: false, refusal: answer.refusal }
    },
    look: (approval) => look(approval, core),
    async withdraw(approval) {
      try {
        await session.connection.call('cancel', { requestId: approval.requestId }, timeoutMs)
      } catch {
        // Where the broker does not hear of it, the request expires.
      }
    },
    foresee: (attempt) => foresee(attempt, core),
    async ready(signal) {
      await core
        .authorityFor({ kind: '', name: '', ...(signal === undefined ? {} : { signal }) })
        .catch(() => {})
    },
  }
}

/** The last check before the effect. */
function begin(answer: OpenPermit | Refused): OpenPermit | Refused {
  if ('refusal' in answer) return answer
  const refusal = answer.begin()
  return refusal === undefined ? answer : { refusal }
}

const notRun = ({ refusal }: Refused): { ran: false } & Refused => ({ ran: false, refusal })

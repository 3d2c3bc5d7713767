import { randomUUID } from 'node:crypto'
import { type Tracer, trace } from '@opentelemetry/api'
import {
  type Action,
  canonicalize,
  freezeJson,
  HoldpointError,
  type JsonValue,
  parseJson,
  type Ruling,
} from '#contract'
import { ruleOn } from '#policy'
import { createAllowances } from './allowed.ts'
import type { Authority } from './authority.ts'
import { createBackground } from './background.ts'
import { createBackoff } from './backoff.ts'
import type { Connect } from './connection.ts'
import { createFreeze } from './freeze.ts'
import { hold } from './held.ts'
import { createOutcomes } from './outcomes.ts'
import { createPermit, type OpenPermit } from './permit.ts'
import { cancelled, refuse, refuseFor } from './refusal.ts'
import type { HoldDeps } from './request.ts'
import { createSession } from './session.ts'
import { type ActionSpan, endRefused, markRuling, markUnaskedDigest, openSpan, traceOf } from './span.ts'
import type { Answer, Gate, GateAttempt, GateConfig, Held, Refusal } from './types.ts'
import { createWaiting } from './wait.ts'

export interface GateDeps {
  now: () => number
  connect?: Connect
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
  const tracer: Tracer = trace.getTracer('holdpoint')
  const background = createBackground()
  const holdDeps: HoldDeps = {
    now: deps.now,
    session,
    waiting,
    outcomes,
    background,
    tracer,
    timeoutMs,
    freeze,
    backoff: createBackoff({ now: deps.now }),
    allowances: createAllowances({ now: deps.now }),
  }
  const stopping = new AbortController()

  async function decide(attempt: GateAttempt): Promise<OpenPermit | { refusal: Refusal }> {
    const span = openSpan(tracer, attempt, config.agentId)
    try {
      const given = takeArguments(attempt)
      return await decideBy(await authorityFor(attempt), attempt, given, span).catch(
        async (error: unknown) => {
          if (!(error instanceof HoldpointError && error.code === 'STALE')) throw error
          // The broker rules by a newer policy than we did: fetch that one, and rule once more.
          session.outdated()
          return decideBy(await authorityFor(attempt), attempt, given, span)
        },
      )
    } catch (error) {
      return refused(span, refuseFor(error, attempt.name))
    }
  }

  const authorityFor = async ({ signal }: GateAttempt): Promise<Authority | undefined> =>
    session.authority() ?? session.authoritySoon(timeoutMs, signal)

  async function decideBy(
    authority: Authority | undefined,
    attempt: GateAttempt,
    { value, canonical }: Given,
    span: ActionSpan,
  ): Promise<OpenPermit | { refusal: Refusal }> {
    if (authority === undefined || attempt.signal?.aborted) return refused(span, cancelled(attempt))
    freeze.check()
    const ruling = rule(attempt, value, authority)
    markRuling(span, ruling, authority.enforcement)
    if (ruling.effect === 'allow' || ruling.mode === 'observe') {
      markUnaskedDigest(span, attempt, canonical)
      return createPermit({ attempt, approved: value, span, freeze })
    }
    if (ruling.effect === 'deny') return refused(span, denial(attempt, ruling))
    const asked = hold(heldOf(attempt, freezeJson(value), authority, span), holdDeps)
    background.add(asked)
    const answer = await asked
    return 'permitted' in answer ? answer : refused(span, answer)
  }

  function heldOf(attempt: GateAttempt, frozen: JsonValue, authority: Authority, span: ActionSpan) {
    const { kind, name, target } = attempt
    const { serviceName, serviceVersion, host } = config
    const action: Action = {
      kind,
      name,
      ...(target === undefined ? {} : { target }),
      arguments: frozen,
      runtime: { serviceName, ...(serviceVersion === undefined ? {} : { serviceVersion }), host },
      trace: traceOf(span.span),
    }
    const signals = attempt.signal === undefined ? [] : [attempt.signal]
    const signal = AbortSignal.any([...signals, stopping.signal])
    return {
      attempt: { ...attempt, attempt: attempt.attempt ?? randomUUID(), signal },
      action,
      span,
      authority,
      signal,
    }
  }

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
      const answer = await decide(attempt)
      return 'refusal' in answer ? { permitted: false, refusal: answer.refusal } : answer
    },
    async hold<T>(attempt: GateAttempt, run: (approved: JsonValue) => T | Promise<T>): Promise<Held<T>> {
      const answer = await decide(attempt)
      const refusal = 'refusal' in answer ? answer.refusal : answer.begin()
      if (refusal !== undefined) return { ran: false, refusal }
      return { ran: true, value: await (answer as OpenPermit).carryOut(run) }
    },
  }
}

interface Given {
  value: JsonValue
  canonical: string
}

/** A copy, taken at once: what a getter says next time, or the caller changes from here on, was not asked for. */
function takeArguments({ arguments: given, argumentsText }: GateAttempt): Given {
  if (argumentsText !== undefined) {
    const value = parseJson(argumentsText)
    return { value, canonical: canonicalize(value) }
  }
  const canonical = canonicalize(given)
  return { value: JSON.parse(canonical), canonical }
}

function rule(
  { kind, name, target, onBehalfOf = [] }: GateAttempt,
  given: JsonValue,
  authority: Authority,
): Ruling {
  const { agent, environment } = authority.registration
  return ruleOn(authority.policy, {
    action: { kind, name, ...(target === undefined ? {} : { target }), arguments: given },
    environment,
    agent,
    // Whose tokens these are, the broker finds out. A rule that asks is one that only the broker can rule by.
    onBehalfOf: onBehalfOf.length === 0 ? [] : undefined,
  })
}

const denial = ({ name }: GateAttempt, ruling: Ruling): Refusal =>
  refuse({ code: 'POLICY_DENIED', name, reason: ruling.reason, rule: ruling.rule })

function refused(span: ActionSpan, refusal: Refusal): { refusal: Refusal } {
  endRefused(span, refusal)
  return { refusal }
}

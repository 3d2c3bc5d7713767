import { randomUUID } from 'node:crypto'
import type { Action, JsonValue } from '#contract'
import type { Authority } from './authority.ts'
import type { Hold, HoldDeps } from './request.ts'
import { type ActionSpan, endRefused, traceOf } from './span.ts'
import type { GateAttempt, GateConfig, Refusal } from './types.ts'

/** What every way of asking shares. */
export interface Core {
  config: GateConfig
  deps: HoldDeps
  /** What to rule by, waited for; undefined when the caller goes away. Throws where there is nothing to rule by. */
  authorityFor(attempt: GateAttempt): Promise<Authority | undefined>
  /** The action as it is asked about: frozen, with its circumstances. */
  heldOf(attempt: GateAttempt, frozen: JsonValue, authority: Authority, span: ActionSpan): Hold
  /** The caller's signal, or the gate's end. */
  untilStopped(signal: AbortSignal | undefined): AbortSignal
}

export function createCore(config: GateConfig, deps: HoldDeps, stopping: AbortSignal): Core {
  const untilStopped = (signal?: AbortSignal): AbortSignal =>
    signal === undefined ? stopping : AbortSignal.any([signal, stopping])
  return {
    config,
    deps,
    untilStopped,
    authorityFor: async ({ signal }) =>
      deps.session.authority() ?? deps.session.authoritySoon(deps.timeoutMs, signal),
    heldOf(attempt, frozen, authority, span) {
      const { kind, name, target, bindings } = attempt
      const { serviceName, serviceVersion, host } = config
      const action: Action = {
        kind,
        name,
        ...(target === undefined ? {} : { target }),
        arguments: frozen,
        runtime: {
          serviceName,
          ...(serviceVersion === undefined ? {} : { serviceVersion }),
          host,
          ...bindings,
        },
        trace: traceOf(span.span),
      }
      const signal = untilStopped(attempt.signal)
      return {
        attempt: { ...attempt, attempt: attempt.attempt ?? randomUUID(), signal },
        action,
        span,
        authority,
        signal,
      }
    },
  }
}

export interface Refused {
  refusal: Refusal
}

export function refused(span: ActionSpan, refusal: Refusal): Refused {
  endRefused(span, refusal)
  return { refusal }
}

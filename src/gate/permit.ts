import { context } from '@opentelemetry/api'
import { HoldpointError, type JsonValue } from '#contract'
import type { Freeze } from './freeze.ts'
import { cancelled, refuse, refuseFor } from './refusal.ts'
import { type ActionSpan, endRan, endRefused, errorMessage, errorName, printable } from './span.ts'
import type { Execute, GateAttempt, Permit, Refusal } from './types.ts'

/** What the gate itself needs of a permit: the last check and the execution, apart from each other. */
export interface OpenPermit extends Permit {
  /** The last check before the effect. */
  begin(): Refusal | undefined
  carryOut<T>(execute: Execute<T>): Promise<T>
  /** The same, for what cannot wait. */
  carryOutSync<T>(execute: (approved: JsonValue) => T): T
}

interface Parts {
  attempt: GateAttempt
  approved: JsonValue
  span: ActionSpan
  requestId?: string
  freeze: Freeze
  /** For the resource that spends the approval itself. */
  proof?: string
  /** Where the approval was spent: the ledger waits for what became of it. */
  report?: (outcome: 'executed' | 'failed', errorType?: string) => void
}

/** The error type of what was approved, and never begun. */
export const NOT_RUN = 'not_run'

/** The right to run one action, once. */
export function createPermit(parts: Parts): OpenPermit {
  const { attempt, approved, span, requestId, freeze, proof, report } = parts
  let isUsed = false

  /** An action whose caller has gone, or whose agent was stopped, never runs, even in the same moment. */
  function begin(): Refusal | undefined {
    if (isUsed) return refuse({ code: 'ALREADY_SPENT', name: attempt.name, requestId })
    isUsed = true
    try {
      freeze.check()
    } catch (error) {
      return leave(refuseFor(error, attempt.name, requestId))
    }
    return attempt.signal?.aborted ? leave(cancelled(attempt, requestId)) : undefined
  }

  function leave(refusal: Refusal): Refusal {
    endRefused(span, refusal)
    report?.('failed', NOT_RUN)
    return refusal
  }

  async function carryOut<T>(execute: Execute<T>): Promise<T> {
    let value: T
    try {
      value = await context.with(span.context, () =>
        proof === undefined ? execute(approved) : execute(approved, proof),
      )
    } catch (error) {
      end(errorName(error), errorMessage(error))
      throw error
    }
    end(failureIn(value, attempt))
    return value
  }

  function carryOutSync<T>(execute: (approved: JsonValue) => T): T {
    let value: T
    try {
      value = context.with(span.context, execute, undefined, approved)
    } catch (error) {
      end(errorName(error), errorMessage(error))
      throw error
    }
    end(failureIn(value, attempt))
    return value
  }

  function end(errorType?: string, message?: string): void {
    endRan(span, errorType, message)
    report?.(errorType === undefined ? 'executed' : 'failed', errorType)
  }

  return {
    permitted: true,
    ...(requestId === undefined ? {} : { requestId }),
    begin,
    carryOut,
    carryOutSync,
    async run(execute) {
      const refusal = begin()
      if (refusal !== undefined) throw new HoldpointError(refusal.code, refusal.message)
      return carryOut(execute)
    },
    abandon() {
      if (isUsed) return
      isUsed = true
      const reason = 'The caller did not run it.'
      leave(refuse({ code: 'APPROVAL_CANCELLED', name: attempt.name, reason, requestId }))
    },
  }
}

function failureIn(value: unknown, attempt: GateAttempt): string | undefined {
  try {
    const name: unknown = attempt.failureIn?.(value)
    return name === undefined ? undefined : printable(name)
  } catch {
    // The tool has run and has its result; how it is labelled must not cost the caller that.
    return undefined
  }
}

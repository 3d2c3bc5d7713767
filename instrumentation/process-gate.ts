import { HoldpointError } from '#contract'
import type { Execute, Gate, GateAttempt, Held, PendingApproval, Requested, ResumeOptions } from '#gate'

/** Not a variable of this module: a bundle has a copy of its own, and finds the gate that `register` has started. */
const GATE = Symbol.for('holdpoint.gate.1')
const place = globalThis as { [GATE]?: Gate | undefined }

/** The gate of this process, once there is one. */
export function useGate(gate: Gate | undefined): void {
  place[GATE] = gate
}

/** What survives being written as JSON and read again, and so can be shown, approved and executed as one and the same. */
export type Json<T> = T extends string | number | boolean | null | undefined
  ? T
  : T extends (...given: never[]) => unknown
    ? never
    : T extends object
      ? { [K in keyof T]: Json<T[K]> }
      : never

/** An action that no hook sees, in its caller's own types. */
export interface ExplicitAction<A> extends Omit<GateAttempt, 'arguments' | 'argumentsText'> {
  arguments: A & Json<A>
}

/**
 * Asks, and runs it with the approved arguments if it may run: a copy, taken when it was asked.
 * Throws what `run` throws, and INVALID_CONFIG in a process without a gate: there nothing runs.
 */
export async function hold<A, T>(
  action: ExplicitAction<A>,
  run: (approved: A, proof?: string) => T | Promise<T>,
): Promise<Held<T>> {
  return gateOfProcess().hold(action, run as Execute<T>)
}

/**
 * Asks people and does not wait for them: for a job that may end meanwhile. What comes back as `approval` is JSON;
 * `resume` goes on with it, in any process of the same agent. Throws INVALID_CONFIG in a process without a gate.
 */
export const requestApproval = async <A>(action: ExplicitAction<A>): Promise<Requested> =>
  gateOfProcess().request(action)

/** Still waited for: ask again later, with the same approval. */
export type Resumed<T> = Held<T> | { ran: false; pending: PendingApproval }

/**
 * Runs what was requested, once, if it has been approved; without `waitMs` it only looks. A refusal with
 * BROKER_UNAVAILABLE or POLICY_UNAVAILABLE leaves the request as it was. Throws what `run` throws, and INVALID_CONFIG in
 * a process without a gate.
 */
export async function resume<A, T>(
  approval: PendingApproval,
  run: (approved: A, proof?: string) => T | Promise<T>,
  options?: ResumeOptions,
): Promise<Resumed<T>> {
  const answer = await gateOfProcess().resume(approval, options)
  if (answer.permitted) return { ran: true, value: await answer.run(run as Execute<T>) }
  return 'pending' in answer
    ? { ran: false, pending: answer.pending }
    : { ran: false, refusal: answer.refusal }
}

/** Takes a request back: nobody has to judge it any more, and nothing runs. */
export const withdraw = async (approval: PendingApproval): Promise<void> => gateOfProcess().withdraw(approval)

/** Throws INVALID_CONFIG where there is none. */
export function gateOfProcess(): Gate {
  if (place[GATE] !== undefined) return place[GATE]
  throw new HoldpointError(
    'INVALID_CONFIG',
    'This process has no gate: start it with node --import @holdpoint/instrumentation/register, or call useGate.',
  )
}

import { HoldpointError, type JsonValue } from '#contract'
import type { Gate, GateAttempt, Held } from '#gate'

let processGate: Gate | undefined

/** The gate of this process, once there is one. */
export function useGate(gate: Gate | undefined): void {
  processGate = gate
}

/**
 * Asks for an action that no hook sees, and runs it with the approved arguments if it may run.
 * Throws what `run` throws, and INVALID_CONFIG in a process without a gate: there nothing runs.
 */
export async function hold<T>(
  action: GateAttempt,
  run: (approved: JsonValue) => T | Promise<T>,
): Promise<Held<T>> {
  if (processGate === undefined)
    throw new HoldpointError(
      'INVALID_CONFIG',
      'This process has no gate: start it with node --import @holdpoint/instrumentation/register, or call useGate.',
    )
  return processGate.hold(action, run)
}

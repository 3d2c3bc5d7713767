import { HoldpointError } from '#contract'

/** The broker refuses this agent for a while: until then nobody needs to ask. */
export interface Backoff {
  /** The broker's word that it refuses, and for how long. */
  refused(reason: string, retryAfterMs: number): void
  /** Throws TOO_MANY with the broker's reason. */
  check(): void
}

/** Whatever the broker says: a quota may be widened meanwhile, and whoever answers is not believed for long. */
const MOST_MS = 60_000

export function createBackoff(deps: { now: () => number }): Backoff {
  let last: { reason: string; atMs: number; forMs: number } | undefined
  return {
    refused(reason, retryAfterMs) {
      last = { reason, atMs: deps.now(), forMs: Math.min(retryAfterMs, MOST_MS) }
    },
    check() {
      if (last === undefined) return
      const passedMs = deps.now() - last.atMs
      // A clock that was put back must not refuse for ever.
      if (passedMs >= 0 && passedMs < last.forMs) throw new HoldpointError('TOO_MANY', last.reason)
      last = undefined
    },
  }
}

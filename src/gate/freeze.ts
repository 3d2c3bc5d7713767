import { type Frozen, HoldpointError } from '#contract'
import type { Waiting } from './wait.ts'

/**
 * Whether the broker has told this gate that its agent is frozen. It needs no signature: whoever lies about it only
 * has more refused, which cutting the line would do as well; and what is held is not released by a gate alone.
 */
export interface Freeze {
  get(): Frozen | undefined
  /** Undefined: not any more. What waits is woken, and ends. */
  set(frozen: Frozen | undefined): void
  /** Throws AGENT_FROZEN. */
  check(): void
}

export function createFreeze(deps: { waiting: Waiting }): Freeze {
  let current: Frozen | undefined
  return {
    get: () => current,
    set(frozen) {
      current = frozen
      if (frozen !== undefined) deps.waiting.wakeAll()
    },
    check() {
      if (current !== undefined) throw frozenError(current)
    },
  }
}

const frozenError = ({ by, sinceMs }: Frozen): HoldpointError => {
  const since = new Date(sinceMs)
  const when = Number.isNaN(since.getTime()) ? '' : ` since ${since.toISOString()}`
  return new HoldpointError('AGENT_FROZEN', `This agent has been frozen by ${by}${when}.`)
}

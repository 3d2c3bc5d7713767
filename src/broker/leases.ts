/**
 * Which agent processes live. One heartbeat for each process, not for each request. It is known only here:
 * after a restart, or while NATS was away, nobody has been heard, so everybody gets a full lease before anything is
 * cancelled.
 */
export interface Leases {
  heard(agentId: string, process: string): void
  lost(agentId: string, process: string): boolean
  /** Agents with a living process. */
  agents(): Set<string>
  /** Nobody can be heard from now on, and so nobody counts as lost. */
  interrupted(): void
  /** Heard again: everybody gets a full lease from now on. */
  resumed(): void
  size(): number
}

export function createLeases(config: { leaseMs: number }, deps: { now: () => number }): Leases {
  let startedAtMs = deps.now()
  let isAway = false
  /** Process names are the agents' to invent: what has ended is dropped whenever there are twice as many. */
  let mostBeforePruning = 100
  const heardAtMs = new Map<string, { agentId: string; atMs: number }>()
  const key = (agentId: string, process: string): string => `${agentId}.${process}`
  const isOver = (atMs: number): boolean => deps.now() - atMs > config.leaseMs

  function prune(): void {
    for (const [name, { atMs }] of heardAtMs) if (isOver(atMs)) heardAtMs.delete(name)
    mostBeforePruning = 2 * heardAtMs.size + 100
  }

  return {
    heard(agentId, process) {
      heardAtMs.set(key(agentId, process), { agentId, atMs: deps.now() })
      if (heardAtMs.size > mostBeforePruning) prune()
    },
    lost: (agentId, process) =>
      !isAway && isOver(Math.max(heardAtMs.get(key(agentId, process))?.atMs ?? 0, startedAtMs)),
    agents() {
      prune()
      return new Set([...heardAtMs.values()].map(({ agentId }) => agentId))
    },
    interrupted() {
      isAway = true
    },
    resumed() {
      isAway = false
      startedAtMs = deps.now()
    },
    size: () => heardAtMs.size,
  }
}

/**
 * Which agent processes live. One heartbeat for each process, not for each request. It is known only here:
 * after a restart, or while NATS was away, nobody has been heard, so everybody gets a full lease before anything is
 * cancelled.
 */
export interface Leases {
  heard(agentId: string, process: string): void
  /** Silent for a lease, and known for one: `sinceMs` is when the ledger says that it lived. */
  lost(agentId: string, process: string, sinceMs: number): boolean
  /** Agents with a living process. */
  agents(): Set<string>
  /** By agent: living processes, and when the last one was heard. */
  living(): Map<string, { processes: number; heardAtMs: number }>
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
  /** Agents are as many as are registered, so this one is never pruned. */
  const lastHeardAtMs = new Map<string, number>()
  const key = (agentId: string, process: string): string => `${agentId}.${process}`
  const isOver = (atMs: number): boolean => deps.now() - atMs > config.leaseMs

  function prune(): void {
    for (const [name, { atMs }] of heardAtMs) if (isOver(atMs)) heardAtMs.delete(name)
    mostBeforePruning = 2 * heardAtMs.size + 100
  }

  return {
    heard(agentId, process) {
      heardAtMs.set(key(agentId, process), { agentId, atMs: deps.now() })
      lastHeardAtMs.set(agentId, deps.now())
      if (heardAtMs.size > mostBeforePruning) prune()
    },
    lost: (agentId, process, sinceMs) =>
      !isAway && isOver(Math.max(heardAtMs.get(key(agentId, process))?.atMs ?? 0, startedAtMs, sinceMs)),
    agents() {
      prune()
      return new Set([...heardAtMs.values()].map(({ agentId }) => agentId))
    },
    living() {
      prune()
      const living = new Map([...lastHeardAtMs].map(([id, atMs]) => [id, { processes: 0, heardAtMs: atMs }]))
      for (const { agentId } of heardAtMs.values()) {
        const known = living.get(agentId)
        if (known) known.processes++
      }
      return living
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

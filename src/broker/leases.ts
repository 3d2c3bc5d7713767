/**
 * Which agent processes live. One heartbeat for each process, not for each request. It is known only here:
 * after a restart nobody has been heard yet, so everybody gets a full lease before anything is cancelled.
 */
export interface Leases {
  heard(agentId: string, process: string): void
  lost(agentId: string, process: string): boolean
  /** Agents with a living process. */
  agents(): Set<string>
}

export function createLeases(config: { leaseMs: number }, deps: { now: () => number }): Leases {
  const startedAtMs = deps.now()
  const heardAtMs = new Map<string, { agentId: string; atMs: number }>()
  const key = (agentId: string, process: string): string => `${agentId}.${process}`
  const isOver = (atMs: number): boolean => deps.now() - atMs > config.leaseMs

  return {
    heard: (agentId, process) => void heardAtMs.set(key(agentId, process), { agentId, atMs: deps.now() }),
    lost: (agentId, process) => isOver(heardAtMs.get(key(agentId, process))?.atMs ?? startedAtMs),
    agents: () => {
      for (const [name, { atMs }] of heardAtMs) if (isOver(atMs)) heardAtMs.delete(name)
      return new Set([...heardAtMs.values()].map(({ agentId }) => agentId))
    },
  }
}

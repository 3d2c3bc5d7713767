import type { AgentSummary, Decision } from '#contract'

export type AgentCounts = Pick<AgentSummary, 'pending' | 'requests' | 'approved' | 'denied'>

/** Kept as the ledger is read: counting anew would cost a walk over all that was ever asked. */
export interface Counts {
  opened(agentId: string): void
  decided(agentId: string, decision: Decision): void
  of(agentId: string): AgentCounts
  all(): Iterable<[agentId: string, counts: AgentCounts]>
  set(agentId: string, counts: AgentCounts): void
  clear(): void
}

export function createCounts(): Counts {
  const byAgent = new Map<string, AgentCounts>()
  const entryOf = (agentId: string): AgentCounts => {
    const known = byAgent.get(agentId)
    if (known) return known
    const counts = { ...NONE }
    byAgent.set(agentId, counts)
    return counts
  }
  return {
    opened(agentId) {
      const counts = entryOf(agentId)
      counts.requests++
      counts.pending++
    },
    decided(agentId, decision) {
      const counts = entryOf(agentId)
      counts.pending--
      if (decision === 'approved' || decision === 'denied') counts[decision]++
    },
    of: (agentId) => ({ ...NONE, ...byAgent.get(agentId) }),
    all: () => byAgent,
    set: (agentId, counts) => void byAgent.set(agentId, { ...counts }),
    clear: () => byAgent.clear(),
  }
}

const NONE: AgentCounts = { pending: 0, requests: 0, approved: 0, denied: 0 }

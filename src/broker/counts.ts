import type { AgentSummary, Decision } from '#contract'

export type AgentCounts = Pick<AgentSummary, 'pending' | 'requests' | 'approved' | 'denied'>

/** Kept as the ledger is read: counting anew would cost a walk over all that was ever asked. */
export function createCounts() {
  const byAgent = new Map<string, AgentCounts>()
  const entryOf = (agentId: string): AgentCounts => {
    const known = byAgent.get(agentId)
    if (known) return known
    const counts = { pending: 0, requests: 0, approved: 0, denied: 0 }
    byAgent.set(agentId, counts)
    return counts
  }
  return {
    opened(agentId: string): void {
      const counts = entryOf(agentId)
      counts.requests++
      counts.pending++
    },
    decided(agentId: string, decision: Decision): void {
      const counts = entryOf(agentId)
      counts.pending--
      if (decision === 'approved' || decision === 'denied') counts[decision]++
    },
    of: (agentId: string): AgentCounts => ({ ...NONE, ...byAgent.get(agentId) }),
  }
}

const NONE: AgentCounts = { pending: 0, requests: 0, approved: 0, denied: 0 }

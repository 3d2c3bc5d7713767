import type { Action, Attempt, Fact, Requester } from '#contract'
import type { Context } from '../context.ts'

/** What the broker itself knows of an action: people see it on the card, and rules may rely on it. */
export function brokerFacts({ denials }: Pick<Context, 'denials'>, agentId: string, action: Action): Fact[] {
  return [{ name: 'recent_denials', value: denials.countOf(agentId, action), source: 'broker' }]
}

/**
 * What came with the attempt. Whatever source a fact names, who sent it is what its registration says: a gateway, which
 * stands outside of the agent, or the agent itself. A doubt is one of them, and people see it as such.
 */
export function sentFacts({ facts = [], doubt }: Attempt, { enforcement }: Requester): Fact[] {
  const source = enforcement.startsWith('gateway:') ? 'gateway' : 'agent'
  const doubts = doubt === undefined ? [] : [{ name: 'doubt', value: doubt }]
  return [...facts, ...doubts].map((fact) => ({ ...fact, source }))
}

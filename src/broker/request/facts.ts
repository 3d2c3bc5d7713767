import type { Action, Attempt, Fact } from '#contract'
import type { Context } from '../context.ts'

/** What the broker itself knows of an action: people see it on the card, and rules may rely on it. */
export function brokerFacts({ denials }: Pick<Context, 'denials'>, agentId: string, action: Action): Fact[] {
  return [{ name: 'recent_denials', value: denials.countOf(agentId, action), source: 'broker' }]
}

/** Whatever source a fact names: who sent it is an agent. Its doubt is one of them, and people see it as such. */
export const agentFacts = ({ facts = [], doubt }: Attempt): Fact[] => [
  ...facts.map((fact) => ({ ...fact, source: 'agent' as const })),
  ...(doubt === undefined ? [] : [{ name: 'doubt', value: doubt, source: 'agent' as const }]),
]

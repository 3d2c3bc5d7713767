import { type AgentsCall, type AgentsReply, agentsCallShape } from '#contract'
import { frozenReply } from '../state/freezes.ts'
import type { DeskHandler } from './handler.ts'

/** Every agent whose registration verifies, and how its requests went. */
export const agents: DeskHandler<AgentsCall, AgentsReply> = {
  shape: agentsCallShape,
  async handle({ token }, { identity, documents, leases, requests, freezes }) {
    await identity.verifyToken(token)
    const living = leases.living()
    return {
      agents: documents.registrations().map(({ agent, owner, environment, enforcement, iat }) => ({
        agentId: agent.sub,
        name: agent.name,
        owner,
        environment,
        enforcement,
        registeredAtMs: iat * 1000,
        processes: 0,
        ...living.get(agent.sub),
        ...requests.countsOf(agent.sub),
        ...frozenReply(freezes.newestOf(agent.sub)),
      })),
      ...frozenReply(freezes.newestOf(undefined)),
    }
  },
}

import { type HeartbeatCall, type HeartbeatReply, heartbeatCallShape } from '#contract'
import { frozenReply } from '../state/freezes.ts'
import type { AgentHandler } from './handler.ts'
import { knownAttempt } from './own.ts'

/** From the ledger, for one heartbeat: an agent may make up what it waits for, and the next one asks for the rest. */
const MOST_READ = 20

/** A process lives, which every replica hears by itself. The reply makes good what a lost hint would have said. */
export const heartbeat: AgentHandler<HeartbeatCall, HeartbeatReply> = {
  shape: heartbeatCallShape,
  async handle(agentId, { waiting }, context) {
    const { requests, documents, freezes } = context
    let left = MOST_READ
    const isSettled = async (requestId: string): Promise<boolean> => {
      if (!requests.get(requestId) && left-- <= 0) return false
      const request = await knownAttempt(context, requestId)
      return request?.requested.agent.sub === agentId && request.decided !== undefined
    }
    const settled = await Promise.all(waiting.map(isSettled))
    return {
      settled: waiting.filter((_, nth) => settled[nth]),
      policyVersion: documents.policy().version,
      keySetVersion: documents.keySet().version,
      ...frozenReply(freezes.of(agentId)),
    }
  },
}

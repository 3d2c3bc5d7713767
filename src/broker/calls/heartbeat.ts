import { type HeartbeatCall, type HeartbeatReply, heartbeatCallShape } from '#contract'
import { frozenReply } from '../freezes.ts'
import type { AgentHandler } from './handler.ts'

/** A process lives, which every replica hears by itself. The reply makes good what a lost hint would have said. */
export const heartbeat: AgentHandler<HeartbeatCall, HeartbeatReply> = {
  shape: heartbeatCallShape,
  async handle(agentId, { waiting }, { requests, documents, freezes }) {
    const isSettled = (requestId: string): boolean => {
      const request = requests.get(requestId)
      return request?.requested.agent.sub === agentId && request.decided !== undefined
    }
    return {
      settled: waiting.filter(isSettled),
      policyVersion: documents.policy().version,
      keySetVersion: documents.keySet().version,
      ...frozenReply(freezes.of(agentId)),
    }
  },
}

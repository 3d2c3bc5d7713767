import { type HelloCall, type HelloReply, helloCallShape } from '#contract'
import type { Context } from '../context.ts'
import { frozenReply } from '../state/freezes.ts'
import type { AgentHandler } from './handler.ts'

/** All that a gate needs to rule by itself. Nothing of it is secret, and all of it is signed. */
export const hello: AgentHandler<HelloCall, HelloReply> = {
  shape: helloCallShape,
  async handle(agentId, { process }, context: Context) {
    const { documents, leases, config, freezes, now } = context
    const reply: HelloReply = {
      keySet: documents.keySet().jws,
      policy: documents.policy().jws,
      registration: documents.registration(agentId).jws,
      ledgerTimeMs: now(),
      heartbeatMs: config.heartbeatMs,
      ...frozenReply(freezes.of(agentId)),
    }
    leases.heard(agentId, process)
    return reply
  },
}

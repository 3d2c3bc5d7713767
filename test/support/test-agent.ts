import { randomBytes } from 'node:crypto'
import { connect, credsAuthenticator, type NatsConnection } from '@nats-io/transport-node'
import { type AgentCall, agentSubject, decodeReply, encodeMessage, inboxPrefix } from '#contract'

/** An agent without a gate: whatever it sends is what the broker hears. */
export interface TestAgent {
  id: string
  process: string
  nc: NatsConnection
  call<Reply = Record<string, unknown>>(call: AgentCall, value: unknown): Promise<Reply>
}

export const connectAgent = (
  servers: string,
  agentId: string,
  credentials: string,
): Promise<NatsConnection> =>
  connect({
    servers,
    authenticator: credsAuthenticator(new TextEncoder().encode(credentials)),
    inboxPrefix: inboxPrefix(agentId),
  })

export function testAgent(id: string, nc: NatsConnection): TestAgent {
  const process = randomBytes(12).toString('base64url')
  return {
    id,
    process,
    nc,
    async call<Reply>(call: AgentCall, value: unknown) {
      const message = await nc.request(agentSubject(id, call), encodeMessage(value), { timeout: 5_000 })
      return decodeReply(message.string()) as Reply
    },
  }
}

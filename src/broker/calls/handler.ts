import type { AgentCall, ChannelCall, DeskCall, Shape } from '#contract'
import type { Context } from '../context.ts'

/** A call of an agent: who calls is proven by the subject, which the server lets nobody else publish to. */
export interface AgentHandler<Call, Reply> {
  shape: Shape<Call>
  handle(agentId: string, call: Call, context: Context): Promise<Reply>
}

/** A call of a desk: it forwards a person's token, and the person is whom the token proves. Or one of a channel. */
export interface DeskHandler<Call, Reply> {
  shape: Shape<Call>
  handle(call: Call, context: Context): Promise<Reply>
}

// biome-ignore lint/suspicious/noExplicitAny: a table of handlers, each with a shape and a reply of its own
export type AgentHandlers = Record<AgentCall, AgentHandler<any, unknown>>
// biome-ignore lint/suspicious/noExplicitAny: as above
export type DeskHandlers = Record<DeskCall, DeskHandler<any, unknown>>
// biome-ignore lint/suspicious/noExplicitAny: as above
export type ChannelHandlers = Record<ChannelCall, DeskHandler<any, unknown>>

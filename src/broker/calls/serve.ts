import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node'
import {
  type AgentCall,
  agentCalls,
  agentIdOf,
  type DeskCall,
  decodeCall,
  deskSubject,
  encodeMessage,
  errorReply,
  HoldpointError,
  inboxPrefix,
  type Shape,
} from '#contract'
import type { Log } from '#runtime'
import type { Context } from '../context.ts'

/** A call of an agent: who calls is proven by the subject, which the server lets nobody else publish to. */
export interface AgentHandler<Call, Reply> {
  shape: Shape<Call>
  handle(agentId: string, call: Call, context: Context): Promise<Reply>
}

/** A call of a desk: it forwards a person's token, and the person is whom the token proves. */
export interface DeskHandler<Call, Reply> {
  shape: Shape<Call>
  handle(call: Call, context: Context): Promise<Reply>
}

// biome-ignore lint/suspicious/noExplicitAny: a table of handlers, each with a shape and a reply of its own
export type AgentHandlers = Record<AgentCall, AgentHandler<any, unknown>>
// biome-ignore lint/suspicious/noExplicitAny: as above
export type DeskHandlers = Record<DeskCall, DeskHandler<any, unknown>>

const QUEUE = 'broker'

export function serveAgents(nc: NatsConnection, handlers: AgentHandlers, context: Context): Subscription[] {
  return Object.entries(handlers).map(([name, handler]) =>
    nc.subscribe(agentCalls(name as AgentCall), {
      queue: QUEUE,
      callback: (_, message) => {
        const agentId = agentIdOf(message.subject)
        track(
          context,
          answer(message, name, inboxPrefix(agentId), context, async () => {
            const limit = context.config.maxPayloadBytes
            if (message.data.length > limit)
              throw new HoldpointError(
                'PAYLOAD_TOO_LARGE',
                `${name}: ${message.data.length} bytes, expected at most ${limit}`,
              )
            return handler.handle(agentId, decodeCall(handler.shape, message.string(), name), context)
          }),
        )
      },
    }),
  )
}

export function serveDesks(nc: NatsConnection, handlers: DeskHandlers, context: Context): Subscription[] {
  return Object.entries(handlers).map(([name, handler]) =>
    nc.subscribe(deskSubject(name as DeskCall), {
      queue: QUEUE,
      callback: (_, message) =>
        track(
          context,
          answer(message, name, inboxPrefix('desk'), context, async () =>
            handler.handle(decodeCall(handler.shape, message.string(), name), context),
          ),
        ),
    }),
  )
}

function track({ inFlight }: Context, answered: Promise<void>): void {
  inFlight.add(answered)
  void answered.finally(() => inFlight.delete(answered))
}

async function answer(
  message: Msg,
  call: string,
  inbox: string,
  { log, measures }: Context,
  handle: () => Promise<unknown>,
): Promise<void> {
  // The reply subject is the caller's word, and we may publish where it may not: the ledger, other inboxes.
  if (!message.reply?.startsWith(`${inbox}.`)) {
    log.warn('a call was ignored: it does not ask for a reply in its own inbox', {
      subject: message.subject,
      reply: message.reply,
    })
    return
  }
  const reply = await outcomeOf(() => measures.call(call, handle), message.subject, log)
  try {
    message.respond(reply)
  } catch (error) {
    // The line was closed meanwhile, or the reply is too large for it. The caller asks again.
    log.error('a call could not be answered', { subject: message.subject, error })
  }
}

/** Never rejects: whatever one caller sends, the broker answers and goes on for all others. */
async function outcomeOf(handle: () => Promise<unknown>, subject: string, log: Log): Promise<string> {
  try {
    return encodeMessage(await handle())
  } catch (error) {
    if (error instanceof HoldpointError && error.code !== 'INTERNAL')
      log.info('refused', { subject, code: error.code, reason: error.message })
    else log.error('a call failed', { subject, error })
    const { code, message } = errorReply(error).error
    // An error that quotes its cause may cut a character in two, and half a character has no canonical form.
    return encodeMessage({ error: { code, message: message.toWellFormed() } })
  }
}

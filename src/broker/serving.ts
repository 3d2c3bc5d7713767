import { setTimeout } from 'node:timers/promises'
import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node'
import {
  type AgentCall,
  agentCalls,
  agentIdOf,
  type ChannelCall,
  channelSubject,
  type DeskCall,
  decodeCall,
  deskSubject,
  encodeMessage,
  errorReply,
  HoldpointError,
  heartbeatCallShape,
  inboxPrefix,
  type Shape,
} from '#contract'
import type { Component, Log } from '#runtime'
import { raiseAlarm } from './arrows/refusals.ts'
import { agentHandlers, channelHandlers, deskHandlers } from './calls/index.ts'
import type { Context } from './context.ts'
import { createLanes } from './lanes.ts'

/** Replicas share the calls: each goes to one of them. */
const QUEUE = 'broker'
const DRAIN_WITHIN_MS = 2_000
/** Of one agent and one call: heartbeats and consumptions do not stand behind the same agent's requests. */
const LANE = {
  mostUnderWay: 32,
  mostBytesUnderWay: 256_000,
  mostWaiting: 2_000,
  mostWaitingBytes: 8_000_000,
  // A megabyte that was written to be slow takes a fifth of a second of everybody's time.
  freeBytes: 16_000,
  bytesPerSecond: 1_000_000,
  burstBytes: 4_000_000,
}
/** Of an agent's call; no honest one comes near it. An action has its own bound. */
const MOST_BYTES: Partial<Record<AgentCall, number>> = {
  hello: 16_000,
  claim: 16_000,
  consume: 16_000,
  outcome: 16_000,
  cancel: 16_000,
}

export interface Served {
  nc: NatsConnection
  /**
   * The line over which agents call, and nothing else: the server cuts a line that is not read as fast as somebody
   * writes, and the ledger and people have theirs still.
   */
  agents: NatsConnection
}

/** Answers calls while it runs; a stop lets those under way be answered. */
export function createServing({ nc, agents }: Served, context: Context): Component {
  const underWay = new Set<Promise<void>>()
  const lanes = createLanes(LANE, { now: () => performance.now() })
  let subscriptions: Subscription[] = []

  function track(answered: Promise<void>): void {
    underWay.add(answered)
    void answered.finally(() => underWay.delete(answered))
  }

  /** When it is its turn; or refused at once, unread. */
  function answerInTurn(message: Msg, call: Call, agentId: string): void {
    const { promise, resolve } = Promise.withResolvers<void>()
    const work = () => answer(message, call, context).finally(resolve)
    if (lanes.take(message.subject, message.data.length, work)) track(promise)
    else refuseUnread(message, call, agentId)
  }

  function refuseUnread(message: Msg, { inbox }: Call, agentId: string): void {
    raiseAlarm(context, agentId, 'more of its calls wait at once than the broker takes of one agent')
    if (message.reply?.startsWith(`${inbox}.`)) message.respond(TOO_MANY)
  }

  const serve = (line: NatsConnection, subject: string, toCall: (message: Msg) => Call): Subscription =>
    line.subscribe(subject, {
      queue: QUEUE,
      callback: (error, message) => {
        // The server's configuration is from before this subject: all others go on.
        if (error) return context.log.error('a call cannot be heard', { subject, error })
        const call = toCall(message)
        if (call.agentId !== undefined) answerInTurn(message, call, call.agentId)
        else track(answer(message, call, context))
      },
    })

  return {
    name: 'calls',
    async start() {
      subscriptions = [
        ...Object.entries(agentHandlers).map(([name, { shape, handle }]) =>
          serve(agents, agentCalls(name as AgentCall), (message) => {
            const agentId = agentIdOf(message.subject)
            const work = (call: unknown) => handle(agentId, call, context)
            const mostBytes = MOST_BYTES[name as AgentCall]
            return { name, shape, inbox: inboxPrefix(agentId), work, agentId, mostBytes }
          }),
        ),
        ...Object.entries(deskHandlers).map(([name, { shape, handle }]) =>
          serve(nc, deskSubject(name as DeskCall), () => {
            const work = (call: unknown) => handle(call, context)
            return { name, shape, inbox: inboxPrefix('desk'), work }
          }),
        ),
        ...Object.entries(channelHandlers).map(([name, { shape, handle }]) =>
          serve(nc, channelSubject(name as ChannelCall), () => {
            const work = (call: unknown) => handle(call, context)
            return { name: `channel ${name}`, shape, inbox: inboxPrefix('channel'), work }
          }),
        ),
        agents.subscribe(agentCalls('heartbeat'), {
          callback: (error, message) => {
            const heard = async () => hear(message, context)
            if (!error) lanes.take(`heard ${message.subject}`, message.data.length, heard)
          },
        }),
      ]
      await Promise.all([nc.flush(), agents.flush()])
    },
    async stop() {
      const open = subscriptions
      subscriptions = []
      // Over a line that is down nothing drains, and nobody waits for an answer.
      await atMost(Promise.allSettled(open.map((subscription) => subscription.drain())))
      await atMost(Promise.allSettled(underWay))
    },
  }
}

/** Whichever replica answers a heartbeat, all have to hear it: each of them judges who is gone. */
function hear(message: Msg, { leases, config }: Context): void {
  if (message.data.length > config.maxPayloadBytes) return
  try {
    const { process } = decodeCall(heartbeatCallShape, message.string(), 'heartbeat')
    leases.heard(agentIdOf(message.subject), process)
  } catch {
    // Whoever answers it says what is wrong with it.
  }
}

interface Call {
  name: string
  shape: Shape<unknown>
  /** Where the caller's replies may go, and nowhere else. */
  inbox: string
  work(call: unknown): Promise<unknown>
  /** Of an agent's call. */
  agentId?: string
  /** Where it is less than for all. */
  mostBytes?: number | undefined
}

const TOO_MANY = encodeMessage(errorReply(new HoldpointError('TOO_MANY')))

/** Never rejects: whatever one caller sends, the broker answers and goes on for all others. */
async function answer(
  message: Msg,
  { name, shape, inbox, work, mostBytes = Number.POSITIVE_INFINITY }: Call,
  context: Context,
): Promise<void> {
  const { log, measures, config } = context
  const { subject, reply } = message
  // The reply subject is the caller's word, and we may publish where it may not: the ledger, other inboxes.
  if (!reply?.startsWith(`${inbox}.`))
    return log.warn('a call was ignored: it does not ask for a reply in its own inbox', { subject, reply })
  const handle = async (): Promise<unknown> => {
    const { length } = message.data
    const most = Math.min(mostBytes, config.maxPayloadBytes)
    if (length > most)
      throw new HoldpointError('PAYLOAD_TOO_LARGE', `${name}: ${length} bytes, expected at most ${most}`)
    // Who lives may be said at any time; that nothing is decided meanwhile must not look like silence.
    // And an agent can be stopped; whether a freeze may be ended, its call asks by itself.
    if (name !== 'heartbeat' && name !== 'freeze') context.assertOpen()
    return work(decodeCall(shape, message.string(), name))
  }
  try {
    const outcome = await encodeOutcome(() => measures.call(name, handle), subject, log)
    message.respond(fitting(outcome, name, context.maxReplyBytes()))
  } catch (error) {
    // The line was closed meanwhile. The caller asks again.
    log.error('a call could not be answered', { subject, error })
  }
}

async function encodeOutcome(handle: () => Promise<unknown>, subject: string, log: Log): Promise<string> {
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

/** What does not pass the line would be silence, and the caller would ask for it again and again. */
function fitting(outcome: string, name: string, mostBytes: number): Uint8Array {
  const bytes = Buffer.from(outcome)
  if (bytes.length <= mostBytes) return bytes
  const { length } = bytes
  const message = `${name}: the answer has ${length} bytes, and NATS takes at most ${mostBytes}`
  return Buffer.from(encodeMessage(errorReply(new HoldpointError('PAYLOAD_TOO_LARGE', message))))
}

const atMost = (work: Promise<unknown>): Promise<unknown> =>
  Promise.race([work, setTimeout(DRAIN_WITHIN_MS, undefined, { ref: false })])

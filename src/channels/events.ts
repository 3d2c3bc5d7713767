import { setTimeout } from 'node:timers/promises'
import {
  AckPolicy,
  type Consumer,
  type ConsumerMessages,
  DeliverPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  type JsMsg,
  jetstream,
  jetstreamManager,
} from '@nats-io/jetstream'
import { type NatsConnection, nanos } from '@nats-io/transport-node'
import {
  type DeskEventName,
  EVENT_STREAM,
  EVENTS,
  HoldpointError,
  type JsonValue,
  parseJson,
} from '#contract'
import type { Component, Log } from '#runtime'

/** Those of requests, and alarms. */
export type EventName = DeskEventName | 'alarm'

/** An event as a channel takes it, and answers for it. */
export interface ChannelEvent<Event extends EventName> {
  event: Event
  /**
   * What the rest of its subject says: a request's id; where an event comes more than once for a request, with the
   * number behind a dot; an alarm's kind and name.
   */
  about: string
  /** What was published with it. */
  data(): JsonValue
  /** 1 the first time. */
  attempt: number
}
/** What is to become of it: done with, or brought again after a while. */
export type Taken = { again: false } | { again: true; afterMs: number }

export interface EventsConfig<Event extends EventName> {
  /** Of the durable consumer: whoever comes back under this name goes on where it was. */
  durable: string
  events: readonly Event[]
  /** At once, and no more. */
  concurrency: number
  /** Longer than `take` ever needs, or it is brought to somebody else meanwhile. */
  ackWaitMs: number
  /** How long a stop waits for those under way before it aborts them. */
  drainMs: number
}

/**
 * Brings a channel every event since it was first there, whatever stopped meanwhile, and each of them until it is
 * done with. Nothing is kept in memory: attempts are counted and delays waited for by the stream.
 */
export function createEvents<Event extends EventName>(
  { durable, events, concurrency, ackWaitMs, drainMs }: EventsConfig<Event>,
  deps: {
    nc: NatsConnection
    log: Log
    take(event: ChannelEvent<Event>, signal: AbortSignal): Promise<Taken>
  },
): Component {
  const underWay = new Set<Promise<void>>()
  const stopping = new AbortController()
  const hardly = new AbortController()
  let batch: ConsumerMessages | undefined
  let reading: Promise<void> | undefined
  let stopped: Promise<void> | undefined

  const isWanted = (event: string | undefined): event is Event => events.some((one) => one === event)

  async function read(consumer: Consumer): Promise<void> {
    while (!stopping.signal.aborted && !deps.nc.isClosed()) {
      try {
        await readBatch(consumer)
      } catch (error) {
        // The line is down, or the server restarts: what is there stays there.
        if (!stopping.signal.aborted) deps.log.warn('events cannot be read now', { durable, error })
        await setTimeout(AGAIN_AFTER_MS, undefined, { signal: stopping.signal }).catch(() => undefined)
      }
    }
  }

  /** Asks for no more than can be handled at once: what waits here would be brought to somebody else meanwhile. */
  async function readBatch(consumer: Consumer): Promise<void> {
    while (underWay.size >= concurrency) await Promise.race(underWay)
    if (stopping.signal.aborted) return
    batch = await consumer.fetch({ max_messages: concurrency - underWay.size, expires: ASK_FOR_MS })
    if (stopping.signal.aborted) batch.stop()
    for await (const message of batch) {
      const handled = handle(message).finally(() => underWay.delete(handled))
      underWay.add(handled)
    }
  }

  async function handle(message: JsMsg): Promise<void> {
    const { subject } = message
    try {
      if (stopping.signal.aborted) return message.nak()
      const [, , , event, ...about] = subject.split('.')
      if (!isWanted(event)) return message.ack()
      const attempt = message.info.deliveryCount
      const data = (): JsonValue => parseJson(message.string())
      const taken = await deps.take({ event, about: about.join('.'), data, attempt }, hardly.signal)
      if (taken.again) message.nak(taken.afterMs)
      else message.ack()
    } catch (error) {
      // Neither done nor given back: the stream brings it again.
      deps.log.error('an event could not be handled', { durable, subject, error })
    }
  }

  /** Those under way may finish, and are broken off when that takes too long. */
  async function drain(): Promise<void> {
    stopping.abort()
    batch?.stop()
    const impatience = globalThis.setTimeout(() => hardly.abort(), drainMs)
    await reading
    await Promise.allSettled(underWay)
    clearTimeout(impatience)
    if (!deps.nc.isClosed()) await deps.nc.flush().catch(() => undefined)
  }

  return {
    name: `events for ${durable}`,
    async start() {
      await subscribe(deps.nc, durable, ackWaitMs)
      reading = read(await jetstream(deps.nc).consumers.get(EVENT_STREAM, durable))
    },
    stop() {
      stopped ??= drain()
      return stopped
    },
  }
}

/** A request for more that nobody answers meanwhile. */
const ASK_FOR_MS = 30_000
const AGAIN_AFTER_MS = 1_000

/** Makes the durable consumer, unless it is there. It begins with what comes next. */
async function subscribe(nc: NatsConnection, durable: string, ackWaitMs: number): Promise<void> {
  const ack_wait = nanos(ackWaitMs)
  try {
    const { consumers } = await jetstreamManager(nc)
    const present = await consumers.info(EVENT_STREAM, durable).catch(unlessMissing)
    if (present) await consumers.update(EVENT_STREAM, durable, { ack_wait })
    else
      await consumers.add(EVENT_STREAM, {
        name: durable,
        durable_name: durable,
        // All of them, skipped here: whoever is configured otherwise tomorrow finds the same consumer.
        filter_subject: EVENTS,
        ack_wait,
        deliver_policy: DeliverPolicy.New,
        ack_policy: AckPolicy.Explicit,
        // Counted, and waited for, by whoever takes them: many that wait must not keep new ones back.
        max_deliver: -1,
        max_ack_pending: -1,
      })
  } catch (cause) {
    const why = (cause as Error).message
    throw new HoldpointError('UNAVAILABLE', `the stream ${EVENT_STREAM} cannot be read: ${why}`, { cause })
  }
}

function unlessMissing(error: unknown): undefined {
  if (error instanceof JetStreamApiError && error.code === JetStreamApiCodes.ConsumerNotFound)
    return undefined
  throw error
}

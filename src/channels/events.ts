import {
  AckPolicy,
  type ConsumerMessages,
  DeliverPolicy,
  type JsMsg,
  jetstream,
  jetstreamManager,
} from '@nats-io/jetstream'
import { type NatsConnection, nanos } from '@nats-io/transport-node'
import { type DeskEventName, EVENT_STREAM, eventSubject, HoldpointError } from '#contract'
import type { Component, Log } from '#runtime'

/** An event as a channel takes it, and answers for it. */
export interface ChannelEvent {
  event: DeskEventName
  requestId: string
  /** 1 the first time. */
  attempt: number
}
/** What is to become of it: done with, or brought again after a while. */
export type Taken = { again: false } | { again: true; afterMs: number }

export interface EventsConfig {
  /** Of the durable consumer: whoever comes back under this name goes on where it was. */
  durable: string
  events: readonly DeskEventName[]
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
export function createEvents(
  { durable, events, concurrency, ackWaitMs, drainMs }: EventsConfig,
  deps: { nc: NatsConnection; log: Log; take(event: ChannelEvent, signal: AbortSignal): Promise<Taken> },
): Component {
  const underWay = new Set<Promise<void>>()
  const ending = new AbortController()
  let messages: ConsumerMessages | undefined
  let reading: Promise<void> | undefined

  async function read(from: ConsumerMessages): Promise<void> {
    for await (const message of from) {
      const handled = handle(message).finally(() => underWay.delete(handled))
      underWay.add(handled)
      while (underWay.size >= concurrency) await Promise.race(underWay)
    }
  }

  async function handle(message: JsMsg): Promise<void> {
    const { subject } = message
    try {
      const [, , , event, requestId = ''] = subject.split('.')
      const attempt = message.info.deliveryCount
      const taken = await deps.take({ event: event as DeskEventName, requestId, attempt }, ending.signal)
      if (taken.again) message.nak(taken.afterMs)
      else message.ack()
    } catch (error) {
      // Neither done nor given back: the stream brings it again.
      deps.log.error('an event could not be handled', { durable, subject, error })
    }
  }

  return {
    name: `events for ${durable}`,
    async start() {
      await subscribe(deps.nc, durable, events, ackWaitMs)
      const consumer = await jetstream(deps.nc).consumers.get(EVENT_STREAM, durable)
      messages = await consumer.consume({ max_messages: concurrency })
      reading = read(messages).catch((error: unknown) => {
        deps.log.error('no more events come', { durable, error })
      })
    },
    async stop() {
      const open = messages
      messages = undefined
      if (!open) return
      const hardly = setTimeout(() => ending.abort(), drainMs)
      open.stop()
      await reading
      await Promise.allSettled(underWay)
      clearTimeout(hardly)
      if (!deps.nc.isClosed()) await deps.nc.flush().catch(() => undefined)
    },
  }
}

/** Makes the durable consumer, or gives it the events that are configured now. It begins with what comes next. */
async function subscribe(
  nc: NatsConnection,
  durable: string,
  events: readonly DeskEventName[],
  ackWaitMs: number,
): Promise<void> {
  try {
    const manager = await jetstreamManager(nc)
    await manager.consumers.add(EVENT_STREAM, {
      durable_name: durable,
      filter_subjects: events.map((event) => eventSubject(event, '>')),
      deliver_policy: DeliverPolicy.New,
      ack_policy: AckPolicy.Explicit,
      ack_wait: nanos(ackWaitMs),
      max_deliver: -1,
    })
  } catch (cause) {
    throw new HoldpointError(
      'UNAVAILABLE',
      `the stream ${EVENT_STREAM} cannot be read: ${(cause as Error).message}`,
      { cause },
    )
  }
}

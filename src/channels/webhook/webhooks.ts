import type { NatsConnection } from '@nats-io/transport-node'
import type { Hono } from 'hono'
import type { WebhookEvent } from '#contract'
import type { ChannelDesk, Desk } from '#desk'
import { type Component, composeComponents, type Log } from '#runtime'
import { createDeadLetters } from '../dead-letters.ts'
import { type ChannelEvent, createEvents, type Taken } from '../events.ts'
import { type Resolve, resolveBySystem } from '../post.ts'
import { createAnswers } from './answers.ts'
import { deliver } from './deliver.ts'
import type { WebhookEndpoint } from './endpoints.ts'
import { channelOf, type Occurrence } from './message.ts'
import { letterOf, occurrenceOf } from './occurrence.ts'
import { RETRY_DELAYS_MS, retryAfterMs } from './retry.ts'

export interface WebhooksConfig {
  endpoints: readonly WebhookEndpoint[]
  /** The address under which people reach this process, without a slash at the end. */
  publicUrl: () => string
  /** After each failed attempt but the last. */
  retryDelaysMs?: readonly number[]
  /** For one attempt. */
  timeoutMs?: number
  /** For attempts under way when it is stopped; then they are broken off, and made again later. */
  drainMs?: number
}

export interface WebhooksDeps {
  /** Connected as `channel`. */
  nc: NatsConnection
  desk: Pick<Desk, 'review'>
  channelDesk: ChannelDesk
  now: () => number
  log: Log
  /** From 0 to 1, for jitter. */
  random?: () => number
  resolve?: Resolve
}

const CONCURRENCY = 8
/** The broker has 10 s for the card, the receiver its time-out; what is left is for a slow machine. */
const ACK_WAIT_BEYOND_MS = 30_000

/** The name under which the stream keeps an endpoint's place. */
export const durableOf = (endpoint: string): string => `webhook-${endpoint}`

/**
 * Tells endpoints of requests and alarms, each endpoint at its own pace; `app` takes their answers. Whatever could not be delivered in about a day becomes a dead letter.
 */
export function createWebhooks(config: WebhooksConfig, deps: WebhooksDeps): Component & { app: Hono } {
  const events = config.endpoints.map((endpoint) => createEndpointEvents(endpoint, config, deps))
  return {
    ...composeComponents(events, deps.log, 'webhooks'),
    app: createAnswers({ endpoints: config.endpoints }, deps),
  }
}

function createEndpointEvents(
  endpoint: WebhookEndpoint,
  { publicUrl, retryDelaysMs = RETRY_DELAYS_MS, timeoutMs = 10_000, drainMs = 5_000 }: WebhooksConfig,
  { nc, channelDesk, now, log, random = Math.random, resolve = resolveBySystem }: WebhooksDeps,
): Component {
  const channel = channelOf(endpoint.name)
  const deadLetters = createDeadLetters({ nc })

  async function take(event: ChannelEvent<WebhookEvent>, signal: AbortSignal): Promise<Taken> {
    const deps = { channelDesk, publicUrl, resolve, now, timeoutMs, signal }
    const { attempt } = event
    const occurrence = readable(event)
    if (occurrence === undefined) return { again: false }
    const delivery = await deliver(endpoint, occurrence, deps)
    const named = letterOf(occurrence)
    const about = { endpoint: endpoint.name, event: event.event, requestId: named.requestId, attempt }
    if (delivery.outcome === 'delivered') {
      log.debug('webhook delivered', { ...about, status: delivery.status })
      return { again: false }
    }
    const { reason } = delivery
    // We hung up: that is no failure of theirs, and must not be their last chance.
    if (signal.aborted && delivery.outcome === 'retry') return { again: true, afterMs: 0 }
    const delayMs = retryDelaysMs[attempt - 1]
    if (delivery.outcome === 'retry' && delayMs !== undefined) {
      const afterMs = retryAfterMs(delayMs, delivery.notBeforeMs, { now, random })
      log.warn('webhook not delivered, it is tried again', { ...about, reason, afterMs })
      return { again: true, afterMs }
    }
    await deadLetters.add({ channel, ...named, reason, attempts: attempt, atMs: now() })
    log.error('webhook given up: see `holdpoint webhooks dead-letters`', { ...about, reason })
    if (delivery.outcome === 'gone') disable()
    return { again: false }
  }

  /** Undefined for what no attempt would make readable; only a broker publishes, so it is of another version. */
  function readable(event: ChannelEvent<WebhookEvent>): Occurrence | undefined {
    try {
      return occurrenceOf(event)
    } catch (error) {
      log.error('an event cannot be read and is passed over', {
        event: event.event,
        about: event.about,
        error,
      })
      return undefined
    }
  }

  /** Until the next start: what happens meanwhile stays in the stream. */
  function disable(): void {
    log.error(
      'webhook endpoint disabled, since it answered 410 Gone: remove it, or mend it and start again',
      {
        endpoint: endpoint.name,
      },
    )
    void events.stop()
  }

  const events = createEvents(
    {
      durable: durableOf(endpoint.name),
      events: endpoint.events,
      concurrency: CONCURRENCY,
      ackWaitMs: timeoutMs + ACK_WAIT_BEYOND_MS,
      drainMs,
    },
    { nc, log, take },
  )
  return events
}

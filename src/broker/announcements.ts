import type { NatsConnection } from '@nats-io/transport-node'
import type { Component, Log } from '#runtime'
import type { Notify } from './context.ts'
import type { Request, Requests } from './state/requests.ts'

/** Whoever was away for longer than this finds out by looking. */
const RECENT_MS = 3_600_000
/** Between two of them the server is waited for, so that a start with much to say drowns nobody. */
const BATCH = 100

interface AnnouncementsDeps {
  nc: NatsConnection
  requests: Pick<Requests, 'all'>
  notify: Pick<Notify, 'desk'>
  now: () => number
  log: Log
}

/**
 * Announces again what a broker that died may have left unsaid: all that waits, and what happened of late. The event
 * stream takes each once, so only those who watch without it may hear something twice. Nothing waits for this.
 */
export function createAnnouncements({ nc, requests, notify, now, log }: AnnouncementsDeps): Component {
  let stopping = Promise.withResolvers<void>()
  let isOver = true
  let running: Promise<void> = Promise.resolve()

  async function announce(): Promise<void> {
    const sinceMs = now() - RECENT_MS
    const left = requests.all().filter((request) => !request.decided || changedAtMs(request) >= sinceMs)
    for (let from = 0; from < left.length && !isOver; from += BATCH) {
      for (const request of left.slice(from, from + BATCH)) announceOne(request)
      // Over a line that is down nothing is flushed, and a stop does not wait for that.
      await Promise.race([nc.flush(), stopping.promise])
    }
  }

  function announceOne(request: Request): void {
    notify.desk('opened', request)
    for (const { index } of request.reviews) notify.desk('reviewed', request, index)
    if (request.decided) notify.desk('decided', request)
    if (isEnded(request)) notify.desk('ended', request)
  }

  return {
    name: 'announcements',
    async start() {
      isOver = false
      stopping = Promise.withResolvers()
      running = announce().catch((error: unknown) => {
        // The line is away: whoever watches looks for themselves when it is back.
        log.warn('not everything was announced again', { error })
      })
    },
    async stop() {
      isOver = true
      stopping.resolve()
      await running
    },
  }
}

const isEnded = ({ spent, outcome }: Request): boolean =>
  outcome !== undefined || (spent !== undefined && spent.spend !== 'consumed')

const changedAtMs = ({ requested, decided, spent, outcome }: Request): number =>
  (outcome ?? spent ?? decided ?? requested).at

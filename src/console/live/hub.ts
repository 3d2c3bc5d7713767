import { randomBytes } from 'node:crypto'
import type { Alarm, DeskEventName, RequestSummary } from '#contract'
import type { Desk } from '#desk'
import type { Log } from '#runtime'

interface Placed {
  /** Of this event among all that this process has heard. */
  position: string
}
export interface HeardRequest extends Placed {
  event: DeskEventName
  request: RequestSummary
}
export interface HeardAlarm extends Placed {
  event: 'alarm'
  /** The alarm's own: `frozen.support-agent.3`. */
  id: string
  alarm: Alarm
}
export type Heard = HeardRequest | HeardAlarm

export interface Hub {
  /** Of what has been heard up to now. A page carries it, so that nothing is lost until its stream is open. */
  position(): string
  /** The newest that this process has heard of, newest first. */
  alarms(): readonly HeardAlarm[]
  /**
   * Every event behind `after`, of those that have passed already the last one of each request. `isStale` where
   * nobody knows any more what came behind it.
   */
  listen(listener: (heard: Heard) => void, after?: string): { isStale: boolean; stop(): void }
}

const MOST_KEPT = 1_000
const MOST_ALARMS = 20

/** However many pages are open, this process listens once, from its first page on. */
export function createHub({ desk, log }: { desk: Pick<Desk, 'watch'>; log: Log }): Hub {
  const listeners = new Set<(heard: Heard) => void>()
  // Positions of another process, or of this one before it was started anew, are none of ours.
  const own = randomBytes(6).toString('hex')
  const kept: Heard[] = []
  const alarms: HeardAlarm[] = []
  let count = 0
  let isWatching = false

  function watch(): void {
    if (isWatching) return
    isWatching = true
    desk.watch(
      (event, request) => hear({ event, request, position: next() }),
      (alarm, id) => {
        // Announced again by every broker that starts.
        if (alarms.some((one) => one.id === id)) return
        const heard: HeardAlarm = { event: 'alarm', alarm, id, position: next() }
        alarms.unshift(heard)
        alarms.length = Math.min(alarms.length, MOST_ALARMS)
        hear(heard)
      },
    )
  }

  const next = (): string => `${own}-${++count}`

  function hear(heard: Heard): void {
    kept.push(heard)
    if (kept.length > MOST_KEPT) kept.shift()
    for (const one of [...listeners]) {
      try {
        one(heard)
      } catch (error) {
        // It would end the connection to the broker, which all pages share.
        log.error('an event could not be shown', { about: keyOf(heard), error })
      }
    }
  }

  function since(after: string): Heard[] | undefined {
    const [, of, text] = /^([0-9a-f]+)-(\d{1,15})$/.exec(after) ?? []
    const missed = count - Number(text)
    if (of !== own || missed < 0 || missed > kept.length) return undefined
    const lasts = new Map<string, Heard>()
    for (const heard of kept.slice(kept.length - missed)) {
      const key = keyOf(heard)
      const isNew = heard.event === 'opened' || lasts.get(key)?.event === 'opened'
      lasts.delete(key)
      lasts.set(key, isNew && heard.event !== 'alarm' ? { ...heard, event: 'opened' } : heard)
    }
    return [...lasts.values()]
  }

  return {
    alarms() {
      watch()
      return alarms
    },
    position() {
      watch()
      return `${own}-${count}`
    },
    listen(listener, after) {
      watch()
      const passed = after === undefined ? [] : since(after)
      for (const heard of passed ?? []) listener(heard)
      listeners.add(listener)
      return { isStale: passed === undefined, stop: () => void listeners.delete(listener) }
    },
  }
}

const keyOf = (heard: Heard): string =>
  heard.event === 'alarm' ? `alarm ${heard.id}` : heard.request.requestId

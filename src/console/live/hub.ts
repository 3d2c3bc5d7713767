import { randomBytes } from 'node:crypto'
import type { DeskEventName, RequestSummary } from '#contract'
import type { Desk } from '#desk'
import type { Log } from '#runtime'

export interface Heard {
  event: DeskEventName
  request: RequestSummary
  /** Of this event among all that this process has heard. */
  position: string
}

export interface Hub {
  /** Of what has been heard up to now. A page carries it, so that nothing is lost until its stream is open. */
  position(): string
  /**
   * Every event behind `after`, of those that have passed already the last one of each request. `isStale` where
   * nobody knows any more what came behind it.
   */
  listen(listener: (heard: Heard) => void, after?: string): { isStale: boolean; stop(): void }
}

const MOST_KEPT = 1_000

/** However many pages are open, this process listens once, from its first page on. */
export function createHub({ desk, log }: { desk: Pick<Desk, 'watch'>; log: Log }): Hub {
  const listeners = new Set<(heard: Heard) => void>()
  // Positions of another process, or of this one before it was started anew, are none of ours.
  const own = randomBytes(6).toString('hex')
  const kept: Heard[] = []
  let count = 0
  let isWatching = false

  function watch(): void {
    if (isWatching) return
    isWatching = true
    desk.watch((event, request) => {
      count++
      const heard = { event, request, position: `${own}-${count}` }
      kept.push(heard)
      if (kept.length > MOST_KEPT) kept.shift()
      for (const one of [...listeners]) {
        try {
          one(heard)
        } catch (error) {
          // It would end the connection to the broker, which all pages share.
          log.error('an event could not be shown', { requestId: request.requestId, error })
        }
      }
    })
  }

  function since(after: string): Heard[] | undefined {
    const [, of, text] = /^([0-9a-f]+)-(\d{1,15})$/.exec(after) ?? []
    const missed = count - Number(text)
    if (of !== own || missed < 0 || missed > kept.length) return undefined
    const lasts = new Map<string, Heard>()
    for (const heard of kept.slice(kept.length - missed)) {
      const { requestId } = heard.request
      const isNew = heard.event === 'opened' || lasts.get(requestId)?.event === 'opened'
      lasts.delete(requestId)
      lasts.set(requestId, isNew ? { ...heard, event: 'opened' } : heard)
    }
    return [...lasts.values()]
  }

  return {
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

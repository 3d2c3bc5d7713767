import type { Alarm, DeskEventName, RequestSummary } from '#contract'
import type { Desk } from '#desk'
import type { Log } from '#runtime'

/** As it is sent to whoever watches. */
export interface Heard {
  event: DeskEventName | 'alarm'
  /** The same event has the same id in every stream. */
  id: string
  /** The request that it is about; an alarm is about none. */
  about?: string
  data: RequestSummary | Alarm
}
type Listener = (heard: Heard) => void

/** One subscription, however many streams: every event is read once. */
export function createHub({ desk, log }: { desk: Pick<Desk, 'watch'>; log: Log }): {
  listen(listener: Listener): () => void
} {
  const listeners = new Set<Listener>()
  let stop: (() => void) | undefined
  const tell = (heard: Heard): void => {
    for (const one of [...listeners]) {
      try {
        one(heard)
      } catch (error) {
        // It would end the connection to the broker, which all streams share.
        log.error('an event could not be sent', { event: heard.id, error })
      }
    }
  }
  const watch = (): (() => void) =>
    desk.watch(
      (event, request, nth) =>
        tell({ event, id: eventId(event, request, nth), about: request.requestId, data: request }),
      (alarm, id) => tell({ event: 'alarm', id: `alarm.${id}`, data: alarm }),
    )
  return {
    listen(listener) {
      const own: Listener = (heard) => listener(heard)
      // Before it is kept: where the line is closed for good, nothing must stay behind.
      stop ??= watch()
      listeners.add(own)
      return () => {
        listeners.delete(own)
        if (listeners.size > 0) return
        stop?.()
        stop = undefined
      }
    },
  }
}

const eventId = (event: DeskEventName, { requestId, reviews }: RequestSummary, nth?: string): string => {
  if (event === 'reviewed') return `${event}.${requestId}.${reviews.length}`
  return event === 'escalated' && nth !== undefined ? `${event}.${requestId}.${nth}` : `${event}.${requestId}`
}

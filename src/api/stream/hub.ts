import type { Desk } from '#desk'
import type { Log } from '#runtime'

type Listener = Parameters<Desk['watch']>[0]

/** One subscription, however many streams: every event is read once. */
export function createHub({ desk, log }: { desk: Pick<Desk, 'watch'>; log: Log }): {
  listen(listener: Listener): () => void
} {
  const listeners = new Set<Listener>()
  let stop: (() => void) | undefined
  return {
    listen(listener) {
      const own: Listener = (event, request) => listener(event, request)
      // Before it is kept: where the line is closed for good, nothing must stay behind.
      stop ??= desk.watch((event, request) => {
        for (const one of [...listeners]) {
          try {
            one(event, request)
          } catch (error) {
            // It would end the connection to the broker, which all streams share.
            log.error('an event could not be sent', { requestId: request.requestId, error })
          }
        }
      })
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

import type { Desk } from '#desk'

type Listener = Parameters<Desk['watch']>[0]

/** One subscription, however many streams: every event is read once. */
export function createHub({ desk }: { desk: Pick<Desk, 'watch'> }): {
  listen(listener: Listener): () => void
} {
  const listeners = new Set<Listener>()
  let stop: (() => void) | undefined
  return {
    listen(listener) {
      const own: Listener = (event, request) => listener(event, request)
      listeners.add(own)
      stop ??= desk.watch((event, request) => {
        for (const one of listeners) one(event, request)
      })
      return () => {
        listeners.delete(own)
        if (listeners.size > 0) return
        stop?.()
        stop = undefined
      }
    },
  }
}

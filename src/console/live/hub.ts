import type { DeskEventName, RequestSummary } from '#contract'
import type { Desk } from '#desk'

export type Listener = (event: DeskEventName, request: RequestSummary) => void

export interface Hub {
  /** Every event from now on, until the returned function is called. */
  listen(listener: Listener): () => void
}

/** However many pages are open, this process listens once, and not at all while there are none. */
export function createHub({ desk }: { desk: Pick<Desk, 'watch'> }): Hub {
  const listeners = new Set<Listener>()
  let stop: (() => void) | undefined
  return {
    listen(listener) {
      listeners.add(listener)
      stop ??= desk.watch((event, request) => {
        for (const one of [...listeners]) one(event, request)
      })
      return () => {
        listeners.delete(listener)
        if (listeners.size > 0) return
        stop?.()
        stop = undefined
      }
    },
  }
}

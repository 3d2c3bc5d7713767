import { pause } from './pause.ts'

/** What goes on without anybody waiting for it, until the gate stops and wants it ended. */
export interface Background {
  add(work: Promise<unknown>): void
  /** Resolves when nothing goes on any more, or after `timeoutMs`. */
  settled(timeoutMs: number): Promise<void>
}

export function createBackground(): Background {
  const working = new Set<Promise<unknown>>()
  return {
    add(work) {
      // Its failure is somebody else's to handle; here only its end counts.
      const ended: Promise<unknown> = work.catch(() => {}).then(() => working.delete(ended))
      working.add(ended)
    },
    async settled(timeoutMs) {
      const over = new AbortController()
      const all = async () => {
        while (working.size > 0 && !over.signal.aborted) await Promise.all(working)
        over.abort()
      }
      void all()
      await pause(timeoutMs, { signal: over.signal, keepAlive: true })
      over.abort()
    },
  }
}

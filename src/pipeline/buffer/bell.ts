/** Lets a loop sleep until something happens, a time has passed, or it is to stop. */
export interface Bell {
  ring(): void
  /** Rings for good. */
  stop(): void
  /** Returns at once where it has rung since it was last waited for. */
  wait(ms: number): Promise<void>
  /** As long as it takes, whatever rings; only `stop` ends it. */
  sleep(ms: number): Promise<void>
  isStopping(): boolean
  /** `begin` is called when it stops, or at once; what it returns is called by the returned function, at the end. */
  onStop(begin: () => () => void): () => void
}

export function createBell(): Bell {
  let hasRung = false
  let isStopping = false
  const stops = new Set<() => void>()
  const waiting = new Set<{ done: () => void; hears: boolean }>()

  function wake(all: boolean): void {
    for (const one of waiting) if (all || one.hears) one.done()
  }

  function rest(ms: number, hears: boolean): Promise<void> {
    if (isStopping) return Promise.resolve()
    return new Promise((resolve) => {
      const one = { hears, done }
      const timer = setTimeout(done, ms)
      waiting.add(one)
      function done(): void {
        clearTimeout(timer)
        waiting.delete(one)
        resolve()
      }
    })
  }

  return {
    ring() {
      hasRung = true
      wake(false)
    },
    stop() {
      isStopping = true
      wake(true)
      for (const stop of stops) stop()
    },
    async wait(ms) {
      if (!hasRung) await rest(ms, true)
      hasRung = false
    },
    sleep: (ms) => rest(ms, false),
    isStopping: () => isStopping,
    onStop(begin) {
      let end = (): void => {}
      const stop = (): void => {
        end = begin()
      }
      if (isStopping) stop()
      else stops.add(stop)
      return () => {
        stops.delete(stop)
        end()
      }
    },
  }
}

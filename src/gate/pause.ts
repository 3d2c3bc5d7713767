interface PauseOptions {
  signal?: AbortSignal
  /** A process may end in the middle of a pause, unless somebody waits for what comes after it. */
  keepAlive?: boolean
}

/** Resolves after `ms`, or as soon as the signal fires. */
export function pause(ms: number, { signal, keepAlive = false }: PauseOptions = {}): Promise<void> {
  if (signal?.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    if (!keepAlive) timer.unref()
    signal?.addEventListener('abort', done, { once: true })
  })
}

/** A value that comes and goes, and that can be waited for. */
export interface Remembered<T> {
  get(): T | undefined
  set(value: T): void
  forget(): void
  /** Lets those who wait give up: it will not come soon. */
  giveUp(): void
  /** The value once there is one; undefined after `ms`, or when the signal fires. */
  soon(ms: number, signal?: AbortSignal): Promise<T | undefined>
}

export function remember<T>(): Remembered<T> {
  let current: T | undefined
  const waiting = new Set<() => void>()
  const wakeAll = () => {
    for (const wake of [...waiting]) wake()
  }
  return {
    get: () => current,
    set(value) {
      current = value
      wakeAll()
    },
    forget() {
      current = undefined
    },
    giveUp: wakeAll,
    async soon(ms, signal) {
      if (current !== undefined) return current
      const woken = new AbortController()
      const wake = () => woken.abort()
      waiting.add(wake)
      signal?.addEventListener('abort', wake, { once: true })
      if (!signal?.aborted) await pause(ms, { signal: woken.signal, keepAlive: true })
      waiting.delete(wake)
      signal?.removeEventListener('abort', wake)
      return current
    },
  }
}

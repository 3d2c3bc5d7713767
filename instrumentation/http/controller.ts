/** What a handler of undici steers its request by; of the real one, only what there was in every version. */
interface Steered {
  abort(reason?: unknown): void
  pause?(): void
  resume?(): void
}

/** Stands for undici's own controller until there is one. */
export interface UndiciController {
  readonly aborted: boolean
  readonly reason: unknown
  readonly paused: boolean
  readonly rawHeaders: null
  readonly rawTrailers: null
  abort(reason?: unknown): void
  pause(): void
  resume(): void
  /** Fires when the caller gives its request up. */
  readonly signal: AbortSignal
  /** From now on the real one does what this one is told. */
  follow(real: Steered): void
}

export function createController(): UndiciController {
  const caller = new AbortController()
  let real: Steered | undefined
  let isPaused = false
  return {
    rawHeaders: null,
    rawTrailers: null,
    signal: caller.signal,
    get aborted() {
      return caller.signal.aborted
    },
    get reason() {
      return caller.signal.reason
    },
    get paused() {
      return isPaused
    },
    abort(reason) {
      caller.abort(reason)
      real?.abort(caller.signal.reason)
    },
    pause() {
      isPaused = true
      real?.pause?.()
    },
    resume() {
      isPaused = false
      real?.resume?.()
    },
    follow(one) {
      real = one
      if (caller.signal.aborted) one.abort(caller.signal.reason)
      else if (isPaused) one.pause?.()
    },
  }
}

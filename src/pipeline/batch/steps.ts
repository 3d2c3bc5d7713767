import { setImmediate as breathe } from 'node:timers/promises'

/** One write of a batch; done again, it changes nothing. */
export interface Step {
  /** That it holds until it has run. */
  bytes: number
  run(): Promise<void>
}

export interface Steps {
  /** Makes the first of them, as many as may be held in memory. */
  prepare(): Promise<void>
  /** Runs them all, one after the other. After an error it goes on with the one that has failed. */
  run(): Promise<void>
}

/** More than an honest batch comes to. One whose resources are repeated to gigabytes is made while it is stored. */
const AHEAD_BYTES = 64 * 1024 * 1024

export function createSteps(making: Iterator<Step, void>): Steps {
  const made: Step[] = []
  let isComplete = false
  let failure: { error: unknown } | undefined

  function makeNext(): Step | undefined {
    // A generator that has thrown says that it is at its end.
    if (failure) throw failure.error
    if (isComplete) return undefined
    try {
      const next = making.next()
      if (!next.done) return next.value
      isComplete = true
      return undefined
    } catch (error) {
      failure = { error }
      throw error
    }
  }

  return {
    async prepare() {
      for (let bytes = 0; bytes < AHEAD_BYTES; ) {
        const step = makeNext()
        if (step === undefined) return
        made.push(step)
        bytes += step.bytes
        await breathe()
      }
    },
    async run() {
      for (;;) {
        const step = made[0] ?? makeNext()
        if (step === undefined) return
        if (made.length === 0) made.push(step)
        await step.run()
        made.shift()
      }
    },
  }
}

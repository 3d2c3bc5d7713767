import type { Log } from '#runtime'
import type { Bell } from './bell.ts'

const FIRST_WAIT_MS = 100
const LONGEST_WAIT_MS = 5_000

/** Waits longer each time, and says why once: again only when it is for another reason, and when it is over. */
export interface Trouble {
  wait(error: unknown): Promise<void>
  over(): void
}

export function createTrouble(what: string, { log, bell }: { log: Log; bell: Bell }): Trouble {
  let waitMs = FIRST_WAIT_MS
  let said: string | undefined

  return {
    async wait(error) {
      const reason = error instanceof Error ? error.message : String(error)
      if (reason === said) log.debug(`${what} still waits`, { reason, waitMs })
      else log.error(`${what} waits, and is tried again`, { error })
      said = reason
      await bell.sleep(waitMs)
      waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)
    },
    over() {
      if (said !== undefined) log.info(`${what} goes on`)
      said = undefined
      waitMs = FIRST_WAIT_MS
    },
  }
}

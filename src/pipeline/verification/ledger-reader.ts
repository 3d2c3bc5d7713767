import { HoldpointError } from '#contract'
import type { Log } from '#runtime'

export interface LedgerReader {
  /**
   * True once everything that was committed at the call is in the view. False when that cannot be had, and waiting
   * was long enough; until then it throws LEDGER_UNAVAILABLE, retryable, if waiting was asked for.
   */
  read(): Promise<boolean>
}

export interface LedgerReaderDeps {
  /** Resolves when everything that was committed at the call has been delivered. */
  barrier(timeoutMs: number): Promise<void>
  /** How long what can wait does so, milliseconds, from when the ledger could first not be read. */
  waitMs: number
  now: () => number
  log: Log
}

/** Together below the ten seconds after which exporters give up on a request. */
const TRIES = 3
const TIMEOUT_MS = 2_000

export function createLedgerReader({ barrier, waitMs, now, log }: LedgerReaderDeps): LedgerReader {
  let failingSinceMs: number | undefined
  /** Not begun yet: what asks now is covered by it. */
  let next: Promise<boolean> | undefined
  let running: Promise<unknown> = Promise.resolve()

  async function read(): Promise<boolean> {
    // An outage that is known costs each batch one try.
    const tries = failingSinceMs === undefined ? TRIES : 1
    for (let tried = 1; ; tried++) {
      try {
        await barrier(TIMEOUT_MS)
        failingSinceMs = undefined
        return true
      } catch (error) {
        log.warn('the ledger cannot be read as far as this batch', { tried, error })
        if (tried < tries) continue
        failingSinceMs ??= now()
        if (now() - failingSinceMs >= waitMs) return false
        throw new HoldpointError('LEDGER_UNAVAILABLE', 'the ledger cannot be read; spans wait for it', {
          cause: error,
          retryable: true,
        })
      }
    }
  }

  return {
    read() {
      next ??= running.then(() => {
        next = undefined
        const mine = read()
        running = mine.catch(() => {})
        return mine
      })
      return next
    },
  }
}

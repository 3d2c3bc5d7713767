import { diag } from '@opentelemetry/api'
import { HoldpointError, type OutcomeCall } from '#contract'
import type { Connection } from './connection.ts'
import { pause } from './pause.ts'

/** Reports what became of released actions, in the background and until the broker has taken it. */
export interface Outcomes {
  report(outcome: OutcomeCall): void
  /** Resolves when everything is reported, or after `timeoutMs`. */
  flush(timeoutMs: number): Promise<void>
  stop(): void
}

/** More than any outage should leave behind; the oldest is dropped first, and the ledger calls it ambiguous. */
const MOST = 10_000
const TIMEOUT_MS = 5_000
const AGAIN_MS = 1_000

export function createOutcomes(deps: { connection: Connection }): Outcomes {
  const unsent: OutcomeCall[] = []
  const stopping = new AbortController()
  let sending: Promise<void> | undefined

  async function send(): Promise<void> {
    for (let next = unsent[0]; next !== undefined && !stopping.signal.aborted; next = unsent[0]) {
      const isDone = await isSettled(next)
      if (unsent[0] === next) unsent.shift()
      if (isDone) continue
      // To the end: one that the broker cannot take must not stand in the way of all others.
      unsent.push(next)
      await pause(AGAIN_MS, { signal: stopping.signal })
    }
    sending = undefined
  }

  async function isSettled(outcome: OutcomeCall): Promise<boolean> {
    try {
      await deps.connection.call('outcome', outcome, TIMEOUT_MS)
      return true
    } catch (error) {
      if (error instanceof HoldpointError && AGAIN.has(error.code)) return false
      diag.error(`holdpoint: the outcome of ${outcome.requestId} was not taken`, error)
      return true
    }
  }

  return {
    report(outcome) {
      unsent.push(outcome)
      if (unsent.length > MOST) {
        const dropped = unsent.shift()
        diag.error(`holdpoint: too many outcomes to report; that of ${dropped?.requestId} was dropped`)
      }
      sending ??= send()
    },
    async flush(timeoutMs) {
      if (sending === undefined) return
      const done = new AbortController()
      void sending.then(() => done.abort())
      await pause(timeoutMs, { signal: done.signal, keepAlive: true })
    },
    stop() {
      stopping.abort()
    },
  }
}

const AGAIN: ReadonlySet<string> = new Set([
  'BROKER_UNAVAILABLE',
  'UNAVAILABLE',
  'LEDGER_UNAVAILABLE',
  'INTERNAL',
  'TOO_MANY',
])

import { HoldpointError } from '#contract'
import type { Log } from '#runtime'
import type { Batch, Signal } from '../otlp/signal.ts'
import { SIGNALS } from '../otlp/signal.ts'
import type { Bell } from './bell.ts'
import type { Composed } from './composer.ts'
import type { DeadLetters } from './dead-letters.ts'
import type { Hold } from './hold.ts'
import { createPortion, type Portion, type Storing } from './portion.ts'
import { createTrouble } from './trouble.ts'

export interface SettlerDeps {
  storing: Storing
  deadLetters: Pick<DeadLetters, 'add'>
  log: Log
  bell: Bell
  onDead(): void
}

/** Puts a lane's batches into the store, one signal after the other, or what cannot be stored aside. */
export interface Settler {
  /** Begins to prepare it. The same batch has the same portions, whoever stores it. */
  open(lane: number, composed: Composed): Portion[]
  /**
   * Returns once all of it is stored or put aside, however long that takes. Throws when the lane is lost, and when it is
   * to stop while the store takes nothing.
   */
  settle(portions: readonly Portion[], hold: Hold): Promise<void>
}

/** How long an insert that has begun may go on once the process is to stop. */
const DRAIN_MS = 10_000

export function createSettler({ storing, deadLetters, log, bell, onDead }: SettlerDeps): Settler {
  const trouble = createTrouble('storing telemetry', { log, bell })

  async function settleOne(portion: Portion, hold: Hold): Promise<void> {
    for (;;) {
      try {
        await beforeStopping(portion.commit(hold.confirm))
        return trouble.over()
      } catch (error) {
        if (hold.isLost() || bell.isStopping()) throw error
        if (isRefused(error, portion)) return await takeApart(portion, hold, error)
        await trouble.wait(error)
        if (bell.isStopping()) throw error
      }
    }
  }

  /** Each piece by itself, so that one that is refused keeps no other from being stored. */
  async function takeApart({ batch }: Portion, hold: Hold, reason: unknown): Promise<void> {
    const [first, ...others] = batch.pieces
    if (first === undefined) return
    if (others.length === 0) return await putAside(batch, hold, reason)
    for (const [number, piece] of batch.pieces.entries())
      await settleOne(
        createPortion({ token: `${batch.token} piece ${number}`, pieces: [piece] }, storing),
        hold,
      )
  }

  /** Where it cannot be kept either, the lane waits: nothing that was acknowledged is thrown away. */
  async function putAside({ token, pieces }: Batch, hold: Hold, reason: unknown): Promise<void> {
    const [piece] = pieces
    if (piece === undefined) return
    for (;;) {
      try {
        await hold.confirm()
        await deadLetters.add({ token, piece, reason: messageOf(reason) })
        log.error('telemetry that cannot be stored was put aside', { signal: piece.signal, error: reason })
        onDead()
        return
      } catch (error) {
        if (hold.isLost() || bell.isStopping()) throw error
        await trouble.wait(error)
      }
    }
  }

  async function beforeStopping(work: Promise<void>): Promise<void> {
    work.catch(() => {})
    const abandoned = Promise.withResolvers<never>()
    const end = bell.onStop(() => {
      const timer = setTimeout(() => abandoned.reject(stopped()), DRAIN_MS)
      timer.unref()
      return () => clearTimeout(timer)
    })
    try {
      await Promise.race([work, abandoned.promise])
    } finally {
      end()
    }
  }

  return {
    open(lane, { stream, from, to, messages }) {
      const signals: string[] = [...new Set<string>([...SIGNALS, ...messages.map(({ signal }) => signal)])]
      return signals.flatMap((signal) => {
        const pieces = messages.filter((message) => message.signal === signal)
        if (pieces.length === 0) return []
        const portion = createPortion(
          { token: `telemetry ${stream} ${lane} ${from}-${to} ${signal}`, pieces },
          SIGNALS.includes(signal as Signal) ? storing : refuseAll,
        )
        portion.prepare()
        return portion
      })
    },
    async settle(portions, hold) {
      for (const portion of portions) await settleOne(portion, hold)
    },
  }
}

/**
 * Refused for good, and not for now. Taken apart, the pieces have tokens of their own, so this is for a batch alone of
 * which nothing is stored. What a table refuses after another has taken its part waits for somebody to mend the table.
 */
function isRefused(error: unknown, portion: Portion): boolean {
  if (error instanceof HoldpointError && error.retryable) return false
  if (portion.isUnfit()) return true
  return error instanceof HoldpointError && error.code === 'INVALID_INPUT' && portion.isUntouched()
}

const refuseAll: Storing = () => ({
  prepare: async () => {
    throw new HoldpointError('INVALID_INPUT', 'no signal of OTLP that is known here')
  },
})

const stopped = (): HoldpointError =>
  new HoldpointError('UNAVAILABLE', 'stopping, and the store has not answered yet', { retryable: true })

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

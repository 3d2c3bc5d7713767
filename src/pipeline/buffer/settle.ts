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
  elapsed: () => number
  onDead(): void
}

/** Puts a lane's batches into the store, one signal after the other, or what cannot be stored aside. */
export interface Settler {
  /** Begins to prepare it. The same batch has the same portions, whoever stores it. */
  open(lane: number, composed: Composed): Portion[]
  /**
   * True once all of it is stored or put aside. False when the store has taken nothing from us for half a minute: perhaps
   * it does from another pipeline. Throws when the lane is lost, and when it is to stop while the store takes nothing.
   */
  settle(portions: readonly Portion[], hold: Hold): Promise<boolean>
}

/** How long an insert that has begun may go on once the process is to stop. */
const DRAIN_MS = 10_000
const PATIENCE_MS = 30_000

export function createSettler(deps: SettlerDeps): Settler {
  const { storing, deadLetters, log, bell, elapsed, onDead } = deps
  const trouble = createTrouble('storing telemetry', { log, bell })

  async function settleOne(portion: Portion, hold: Hold): Promise<boolean> {
    let failingSinceMs: number | undefined
    // What it was refused for may be mended by now; halves of it are stored.
    if (hold.isApart(portion.batch.token)) return takeApart(portion, hold, REFUSED_BEFORE)
    for (;;) {
      try {
        await beforeStopping(portion.commit(hold.confirm))
        trouble.over()
        return true
      } catch (error) {
        if (hold.isLost() || bell.isStopping()) throw error
        if (isRefused(error, portion)) return await takeApart(portion, hold, error)
        await trouble.wait(error)
        if (bell.isStopping()) throw error
        failingSinceMs ??= elapsed()
        if (elapsed() - failingSinceMs >= PATIENCE_MS) return false
      }
    }
  }

  /** By halves, until what is refused stands alone: it keeps no other from being stored, and few inserts are small. */
  async function takeApart({ batch }: Portion, hold: Hold, reason: unknown): Promise<boolean> {
    const { token, pieces } = batch
    await hold.takeApart(token)
    if (pieces.length <= 1) return putAside(batch, hold, reason)
    const middle = Math.ceil(pieces.length / 2)
    for (const [half, some] of [pieces.slice(0, middle), pieces.slice(middle)].entries()) {
      const portion = createPortion({ token: `${token} half ${half}`, pieces: some }, storing)
      if (!(await settleOne(portion, hold))) return false
    }
    return true
  }

  /** Where it cannot be kept either, the lane waits: nothing that was acknowledged is thrown away. */
  async function putAside({ token, pieces }: Batch, hold: Hold, reason: unknown): Promise<boolean> {
    const [piece] = pieces
    while (piece !== undefined) {
      try {
        await hold.confirm()
        await deadLetters.add({ token, piece, reason: messageOf(reason) })
        log.error('telemetry that cannot be stored was put aside', { signal: piece.signal, error: reason })
        onDead()
        break
      } catch (error) {
        if (hold.isLost() || bell.isStopping()) throw error
        await trouble.wait(error)
      }
    }
    return true
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
      // Put back to a backup, a stream gives the same numbers to other messages, though not at the same time.
      const token = `telemetry ${stream} ${lane} ${from}-${to} ${messages.at(-1)?.storedAt}`
      return signals.flatMap((signal) => {
        const pieces = messages.filter((message) => message.signal === signal)
        if (pieces.length === 0) return []
        const portion = createPortion(
          { token: `${token} ${signal}`, pieces },
          SIGNALS.includes(signal as Signal) ? storing : refuseAll,
        )
        portion.prepare()
        return portion
      })
    },
    async settle(portions, hold) {
      for (const portion of portions) if (!(await settleOne(portion, hold))) return false
      return true
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
  // What is no error of ours is one of the program's over these very bytes: waiting would not mend it.
  const isForGood = !(error instanceof HoldpointError) || error.code === 'INVALID_INPUT'
  return isForGood && portion.isUntouched()
}

const REFUSED_BEFORE = new HoldpointError('INVALID_INPUT', 'refused by a pipeline that has ended since')

const refuseAll: Storing = () => ({
  prepare: async () => {
    throw new HoldpointError('INVALID_INPUT', 'no signal of OTLP that is known here')
  },
})

const stopped = (): HoldpointError =>
  new HoldpointError('UNAVAILABLE', 'stopping, and the store has not answered yet', { retryable: true })

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

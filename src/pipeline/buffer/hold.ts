import { digestBytes, digestHex, HoldpointError } from '#contract'
import type { CursorRecord, Cursors } from './cursor.ts'

/** A lane that is ours, for as long as nobody else has written its cursor. */
export interface Hold {
  record(): CursorRecord
  /** Goes on to another batch, or says that this one is stored, or left. Throws once the lane is lost. */
  move(record: CursorRecord): Promise<void>
  /**
   * Called immediately before each insert: that we held the lane lately is known by the monotonic clock; else it is
   * asked. Throws UNAVAILABLE once the lane is lost, or where nobody can say.
   */
  confirm(): Promise<void>
  /** Writes down, before it happens, that this part of the batch is stored by halves. Throws as `move` does. */
  takeApart(token: string): Promise<void>
  /** Somebody has, whoever it was. */
  isApart(token: string): boolean
  isLost(): boolean
  /** Renews no more. */
  end(): void
}

export interface HoldDeps {
  cursors: Cursors
  /** Milliseconds of a clock that only goes forward. */
  elapsed: () => number
}

/**
 * Others take a lane over once its cursor has stood still for `takeoverMs`, so it is written anew in good time. Whether
 * that succeeded in time is judged before an insert: a process that was paused finds out there, before its timers do.
 * `seq` and `sinceMs`: of the record that made the lane ours, and when it was sent.
 */
export function createHold(
  at: { lane: number; takeoverMs: number; record: CursorRecord; seq: number; sinceMs: number },
  { cursors, elapsed }: HoldDeps,
): Hold {
  const { lane, takeoverMs } = at
  let { record, seq } = at
  let confirmedMs = at.sinceMs
  let isLost = false
  let last: Promise<void> = Promise.resolve()

  async function write(next: CursorRecord): Promise<void> {
    if (isLost) throw lost(lane)
    const sentMs = elapsed()
    const written = await cursors.write(lane, next, seq)
    if (written === undefined) {
      isLost = true
      throw lost(lane)
    }
    seq = written
    record = next
    confirmedMs = sentMs
  }

  /** One after the other: each expects the one before. */
  function inTurn(next: () => CursorRecord): Promise<void> {
    const turn = last.then(() => write(next()))
    last = turn.catch(() => {})
    return turn
  }

  const renew = (): Promise<void> => inTurn(() => record)
  const timer = setInterval(() => {
    if (!isLost) renew().catch(() => {})
  }, takeoverMs / 4)
  timer.unref()

  return {
    record: () => record,
    move: (next) => inTurn(() => next),
    async confirm() {
      if (isLost) throw lost(lane)
      if (elapsed() - confirmedMs >= takeoverMs / 2) await renew()
    },
    async takeApart(token) {
      const { apart = [] } = record
      const name = nameOf(token)
      if (apart.includes(name) || apart.length >= MOST_APART) return
      await inTurn(() => ({ ...record, apart: [...apart, name] }))
    },
    isApart: (token) => record.apart?.includes(nameOf(token)) ?? false,
    isLost: () => isLost,
    end: () => clearInterval(timer),
  }
}

/** What a record has room for. Of a batch with more than that, somebody else may store some a second time. */
const MOST_APART = 2_000

const nameOf = (token: string): string => digestHex(digestBytes(token)).slice(0, 16)

const lost = (lane: number): HoldpointError =>
  new HoldpointError('UNAVAILABLE', `another pipeline stores lane ${lane} now`, { retryable: true })

import { encodeEntry, type LedgerEntry } from '#contract'
import { leafHash } from '#ledger'
import { type LedgerRow, toLedgerRow } from '#store'
import { LEDGER } from '../world/names.ts'

export interface Ledger {
  /** At any time of the week, in any order, as long as it has not been written. */
  add(...entries: readonly LedgerEntry[]): void
  /** Those before this time, in the order of their times, each under the next index. */
  write(beforeMs: number): LedgerRow[]
  /** Of those that have been written. */
  times(): readonly number[]
}

/** Entries are thought of request by request, and stand in the log as they would have been committed. */
export function createLedger(): Ledger {
  let waiting: LedgerEntry[] = []
  const times: number[] = []

  const toRow = (entry: LedgerEntry): LedgerRow => {
    const statement = encodeEntry(entry)
    const hash = Buffer.from(leafHash(statement)).toString('hex')
    const index = times.push(entry.at) - 1
    return toLedgerRow(entry, { origin: LEDGER, index, leafHash: hash, statement })
  }

  return {
    add: (...entries) => void waiting.push(...entries),
    write(beforeMs) {
      const due = waiting.filter(({ at }) => at < beforeMs)
      waiting = waiting.filter(({ at }) => at >= beforeMs)
      // Stable: what was added later of the same time stands later.
      return due.sort((one, other) => one.at - other.at).map(toRow)
    },
    times: () => times,
  }
}

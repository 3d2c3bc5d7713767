import { isOfRequest, type LedgerReply } from '#contract'
import type { LedgerRecord } from '#ledger'

const KEPT = 50

/** The newest entries of the ledger, for people to look at. */
export interface Newest {
  add(record: LedgerRecord): void
  /** Newest first. */
  look(): Pick<LedgerReply, 'size' | 'entries'>
}

export function createNewest(): Newest {
  const entries: LedgerReply['entries'] = []
  let size = 0
  return {
    add({ index, entry, leafHash }) {
      size = index + 1
      entries.push({
        index,
        type: entry.type,
        atMs: entry.at,
        ...(isOfRequest(entry) ? { requestId: entry.requestId } : {}),
        leaf: leafHash,
      })
      if (entries.length > KEPT) entries.shift()
    },
    look: () => ({ size, entries: entries.toReversed() }),
  }
}

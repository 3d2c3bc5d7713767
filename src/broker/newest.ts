import { isOfRequest, type JsonValue, type LedgerReply } from '#contract'
import type { Projection } from './projection.ts'

const KEPT = 50

/** The newest entries of the ledger, for people to look at. */
export interface Newest extends Projection {
  /** Newest first. */
  look(): Pick<LedgerReply, 'size' | 'entries'>
}

export function createNewest(): Newest {
  let entries: LedgerReply['entries'] = []
  let size = 0
  return {
    apply({ index, entry, leafHash }) {
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
    save: () => [{ size, entries: [...entries] }] as unknown as JsonValue[],
    load(row) {
      ;({ size, entries } = row as unknown as { size: number; entries: LedgerReply['entries'] })
    },
    clear() {
      size = 0
      entries = []
    },
    look: () => ({ size, entries: entries.toReversed() }),
  }
}

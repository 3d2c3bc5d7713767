import { isOfRequest, type JsonValue, type LedgerReply } from '#contract'
import type { Projection } from './projection.ts'

const KEPT = 50

/** The newest entries of the ledger's newest epoch, for people to look at. */
export interface Newest extends Projection {
  /** Newest first. */
  look(): Pick<LedgerReply, 'size' | 'entries'>
}

export function createNewest(): Newest {
  let entries: LedgerReply['entries'] = []
  let size = 0
  let newest = 0
  return {
    apply({ epoch, index, entry, leafHash }) {
      // What still comes from an older epoch ends what began there.
      if (epoch < newest) return
      if (epoch > newest) entries = []
      newest = epoch
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
    save: () => [{ epoch: newest, size, entries: [...entries] }] as unknown as JsonValue[],
    load(row) {
      ;({ epoch: newest, size, entries } = row as unknown as Pick<LedgerReply, 'epoch' | 'size' | 'entries'>)
    },
    clear() {
      newest = 0
      size = 0
      entries = []
    },
    look: () => ({ size, entries: entries.toReversed() }),
  }
}

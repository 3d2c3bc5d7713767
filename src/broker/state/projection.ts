import type { JsonValue } from '#contract'
import type { LedgerRecord } from '#ledger'

/**
 * Something that the ledger tells, kept in memory as it is read. It is fed every record, in order and once, and what
 * it saves is what the records so far make of it: loaded again and fed the rest, it is the same as fed all of them.
 */
export interface Projection {
  apply(record: LedgerRecord): void
  /** Rows of JSON. Taken now; those that are read later still tell of now. */
  save(): Iterable<JsonValue>
  /** One row that `save` gave, in its order, into an empty projection. */
  load(row: JsonValue): void
  /** Empty again, as it was made. */
  clear(): void
}

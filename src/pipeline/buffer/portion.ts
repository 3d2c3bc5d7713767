import type { Prepared, Preparer } from '../batch/prepare.ts'
import type { Batch } from '../otlp/signal.ts'

/** Told around each insert of a batch. */
export interface Guard {
  /** Immediately before it. Throws where it must not happen. */
  before(): Promise<void>
  /** It has happened. */
  after(): void
}

/** Gives what prepares and stores one batch, its inserts guarded. */
export type Storing = (guard: Guard) => Preparer

/** One batch on its way into the store. */
export interface Portion {
  batch: Batch
  /** May be begun before the lane's cursor has come here; `commit` waits for it. */
  prepare(): void
  commit(confirm: () => Promise<void>): Promise<void>
  /** Nothing of it is stored, as far as this process has seen, and the store gives the same answers to all. */
  isUntouched(): boolean
  /** The last error came from preparing: from what the batch is, and not from the store. */
  isUnfit(): boolean
}

export function createPortion(batch: Batch, storing: Storing): Portion {
  let confirm = async (): Promise<void> => {}
  let inserts = 0
  let isUnfit = false
  let preparing: Promise<Prepared> | undefined
  const preparer = storing({ before: () => confirm(), after: () => void inserts++ })

  function prepare(): Promise<Prepared> {
    preparing ??= preparer.prepare(batch)
    preparing.catch(() => {})
    return preparing
  }

  return {
    batch,
    prepare: () => void prepare(),
    async commit(confirming) {
      confirm = confirming
      let prepared: Prepared
      try {
        prepared = await prepare()
        isUnfit = false
      } catch (error) {
        preparing = undefined
        isUnfit = true
        throw error
      }
      await prepared.commit()
    },
    isUntouched: () => inserts === 0,
    isUnfit: () => isUnfit,
  }
}

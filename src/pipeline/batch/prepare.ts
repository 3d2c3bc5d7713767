import { HoldpointError } from '#contract'
import type { Batch } from '../otlp/signal.ts'

/** A batch that is judged and encoded. */
export interface Prepared {
  /**
   * Stores it and makes its alarms known. May be called again, after an error or in another process: what is stored
   * already stays as it is. Throws HoldpointError: `retryable` means the same batch may be stored later, any other
   * that it never will be as it is.
   */
  commit(): Promise<void>
}

export interface Preparer {
  prepare(batch: Batch): Promise<Prepared>
}

export function createPreparer(): Preparer {
  return {
    async prepare() {
      throw new HoldpointError('INTERNAL', 'not yet')
    },
  }
}

import type { LedgerRecord } from '#ledger'
import type { Component, Log } from '#runtime'
import type { Store } from '#store'
import { createEpochWriter, type EpochWriter } from './epoch-writer.ts'

export interface LedgerWriter extends Component {
  add(record: LedgerRecord): void
  /** Records that wait to be stored. */
  waiting(): number
}

/** Copies the ledger into `holdpoint_ledger`: each epoch is a log of its own there. */
export function createLedgerWriter(deps: {
  store: Pick<Store, 'insertLedger' | 'query'>
  log: Log
}): LedgerWriter {
  const writers = new Map<number, EpochWriter>()

  function writerOf(epoch: number): EpochWriter {
    const known = writers.get(epoch)
    if (known) return known
    const writer = createEpochWriter({ epoch }, deps)
    writers.set(epoch, writer)
    return writer
  }

  return {
    name: 'ledger-writer',
    add: (record) => writerOf(record.epoch).add(record),
    waiting: () => [...writers.values()].reduce((sum, writer) => sum + writer.waiting(), 0),
    async start() {},
    async stop() {
      await Promise.all([...writers.values()].map((writer) => writer.stop()))
    },
  }
}

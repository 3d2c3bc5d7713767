import type { NatsConnection } from '@nats-io/transport-node'
import { HoldpointError } from '#contract'
import type { LedgerRecord } from './record.ts'
import { createLedgerTail, type LedgerTail } from './tail.ts'

export interface LedgerTailsDeps {
  nc: NatsConnection
  /** As of one tail; records of different epochs come in any order. */
  onRecord(record: LedgerRecord): void
  onCorrupt(error: unknown): void
}

/** Follows the epochs of a ledger side by side: a request stays in its own until it is over. */
export interface LedgerTails {
  readonly name: string
  start(): Promise<void>
  stop(): Promise<void>
  /** Begins with another epoch, from its first record or after those that a snapshot holds. Once is enough. */
  follow(epoch: number, fromIndex?: number): Promise<void>
  /** The epoch is sealed and read to its end: nothing comes from it any more. */
  leave(epoch: number): Promise<void>
  /** Ascending. */
  epochs(): number[]
  /** The index of the next record. */
  index(epoch: number): number
  /** As of one tail, for all of them. */
  barrier(timeoutMs: number): Promise<void>
}

export function createLedgerTails(deps: LedgerTailsDeps): LedgerTails {
  const tails = new Map<number, LedgerTail>()
  let isRunning = false

  return {
    name: 'ledger tails',
    async start() {
      isRunning = true
      for (const tail of tails.values()) await tail.start()
    },
    async stop() {
      isRunning = false
      await Promise.all([...tails.values()].map((tail) => tail.stop()))
    },
    async follow(epoch, fromIndex = 0) {
      if (tails.has(epoch)) return
      const tail = createLedgerTail({ epoch, fromIndex }, deps)
      tails.set(epoch, tail)
      if (!isRunning) return
      await tail.start().catch((error: unknown) => {
        // As if it had not been tried: whoever asks again gets another try.
        tails.delete(epoch)
        throw error
      })
    },
    async leave(epoch) {
      const tail = tails.get(epoch)
      tails.delete(epoch)
      await tail?.stop()
    },
    epochs: () => [...tails.keys()].sort((one, other) => one - other),
    index: (epoch) => tails.get(epoch)?.index() ?? 0,
    async barrier(timeoutMs) {
      if (!isRunning)
        throw new HoldpointError('LEDGER_UNAVAILABLE', 'the ledger is not followed', { retryable: true })
      await Promise.all([...tails.values()].map((tail) => tail.barrier(timeoutMs)))
    },
  }
}

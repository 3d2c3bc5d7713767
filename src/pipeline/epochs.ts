import { JetStreamApiError, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { FIRST_EPOCH, HoldpointError, ledgerStream, trustSubject } from '#contract'
import { createLedgerTails, type LedgerRecord } from '#ledger'
import type { Component, Log } from '#runtime'
import type { TrustDocuments } from './verification/trust-documents.ts'

export interface EpochsDeps {
  nc: NatsConnection
  documents: TrustDocuments
  now: () => number
  log: Log
  onRecord(record: LedgerRecord): void
  onCorrupt(error: unknown): void
}

/** Follows every epoch of the ledger that is there, and each that begins. */
export interface Epochs extends Component {
  /** Everything that was committed at the call has been delivered, whichever epoch it is in. */
  barrier(timeoutMs: number): Promise<void>
  /** Entries that are committed and have not been delivered. Rejects where NATS does not say. */
  unread(): Promise<number>
}

export function createEpochs({ documents, now, log, ...deps }: EpochsDeps): Epochs {
  const tails = createLedgerTails(deps)
  let newest = 0
  /** Said once. */
  let refused: string | undefined

  /** Signed, so that nobody who can only publish makes us read another ledger. */
  async function hasBegun(epoch: number): Promise<boolean> {
    if (epoch === FIRST_EPOCH) return true
    const jws = await documents.read(trustSubject.epoch(epoch))
    if (jws === undefined) return false
    try {
      const { version } = await documents.openAsOf(now(), (trust) => trust.verifyEpoch(jws))
      return version === epoch
    } catch (error) {
      if (!(error instanceof HoldpointError)) throw error
      // Brokers do not write into it either.
      if (refused !== jws) log.error('an epoch that nobody signed who may is not followed', { epoch, error })
      refused = jws
      return false
    }
  }

  async function followNew(): Promise<void> {
    while (await hasBegun(newest + 1)) {
      const epoch = newest + 1
      const isLast = !(await hasBegun(epoch + 1))
      await tails.follow(epoch).catch((error: unknown) => {
        // An old one may have been exported and dropped; without the newest there is nothing to compare with.
        if (isLast) throw error
      })
      newest = epoch
    }
  }

  return {
    name: 'ledger epochs',
    async start() {
      await tails.start()
      await followNew()
    },
    stop: tails.stop,
    async barrier(timeoutMs) {
      const before = newest
      await Promise.all([tails.barrier(timeoutMs), followNew()])
      if (newest > before) await tails.barrier(timeoutMs)
    },
    async unread() {
      const { streams } = await jetstreamManager(deps.nc, { checkAPI: false })
      const each = tails.epochs().map(async (epoch) => {
        // An old one may have been exported and dropped meanwhile.
        const last = await streams
          .info(ledgerStream(epoch))
          .then(({ state }) => state.last_seq, unlessMissing)
        return Math.max(0, last - tails.index(epoch))
      })
      return (await Promise.all(each)).reduce((sum, one) => sum + one, 0)
    },
  }
}

const STREAM_NOT_FOUND = 10059
function unlessMissing(error: unknown): number {
  if (error instanceof JetStreamApiError && error.code === STREAM_NOT_FOUND) return 0
  throw error
}

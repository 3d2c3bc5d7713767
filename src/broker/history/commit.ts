import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import {
  checkEntry,
  decodeEntry,
  encodeEntry,
  epochOfSubject,
  HoldpointError,
  type LedgerEntry,
  ledgerStream,
} from '#contract'
import { leafHash } from '#ledger'

/** Where an entry stands in the ledger: the proof that it is committed. */
export interface Position {
  index: number
  /** RFC 9162 leaf hash, base64. */
  leafHash: string
}

/**
 * `won`: these bytes are in the ledger, through this write or an earlier try of the same one.
 * Otherwise somebody else's entry took the subject first, and it is the one that counts.
 */
export type Committed<E extends LedgerEntry = LedgerEntry> = { won: boolean; entry: E; position: Position }

export interface LedgerWriter {
  commit<E extends LedgerEntry>(subject: string, entry: E): Promise<Committed<E>>
}

const ATTEMPTS = 5
const ACK_WITHIN_MS = 2_000

/**
 * Writes facts that can be written once. An acknowledgement counts only when it is clean; anything else means
 * *unknown*, and unknown is settled by reading back from the leader and comparing bytes. Absence proves nothing
 * (the write may still be on its way), so it is answered by writing the identical bytes again.
 * Throws INVALID_INPUT for an entry that has no place in a ledger, and LEDGER_UNAVAILABLE, retryable, when the
 * ledger does not say either way.
 */
export function createLedgerWriter(deps: { nc: NatsConnection }): LedgerWriter {
  const js: JetStreamClient = jetstream(deps.nc)
  let manager: Promise<JetStreamManager> | undefined

  async function commit<E extends LedgerEntry>(subject: string, entry: E): Promise<Committed<E>> {
    const streamName = ledgerStream(epochOfSubject(subject))
    // What no reader could decode would stand in the ledger for ever, and stop every reader at it.
    checkEntry(entry)
    const bytes = encodeEntry(entry)
    let cause: unknown
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      try {
        const ack = await js.publish(subject, bytes, {
          timeout: ACK_WITHIN_MS,
          expect: { streamName, lastSubjectSequence: 0 },
        })
        if (!ack.duplicate && ack.stream === streamName)
          return { won: true, entry, position: at(ack.seq, bytes) }
      } catch (error) {
        cause = error
      }
      const found = await readBack(streamName, subject).catch((error: unknown) => {
        cause = error
        return undefined
      })
      if (found)
        return {
          won: found.bytes === bytes,
          entry: decodeEntry(found.bytes) as E,
          position: at(found.seq, found.bytes),
        }
    }
    throw new HoldpointError('LEDGER_UNAVAILABLE', undefined, { cause, retryable: true })
  }

  async function readBack(
    streamName: string,
    subject: string,
  ): Promise<{ bytes: string; seq: number } | undefined> {
    manager ??= jetstreamManager(deps.nc, { checkAPI: false })
    const { streams } = await manager
    const message = await streams.getMessage(streamName, { last_by_subj: subject })
    return message ? { bytes: message.string(), seq: message.seq } : undefined
  }

  return { commit }
}

const at = (sequence: number, bytes: string): Position => ({
  index: sequence - 1,
  leafHash: Buffer.from(leafHash(bytes)).toString('base64'),
})

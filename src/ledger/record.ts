import { decodeEntry, HoldpointError, type LedgerEntry, subjectOfEntry } from '#contract'
import { leafHash, toBase64 } from './hash.ts'

/** One leaf of the ledger, as it was committed. */
export interface LedgerRecord {
  epoch: number
  /** From 0; the stream's sequence minus one. */
  index: number
  entry: LedgerEntry
  /** The canonical bytes, which are text. */
  leaf: string
  /** RFC 9162 leaf hash, base64. */
  leafHash: string
}

export interface StoredMessage {
  seq: number
  subject: string
  data: Uint8Array
}

export interface RecordReader {
  /** The index of the next record. */
  index(): number
  /** The record, or undefined for a message that was read before. Throws LEDGER_CORRUPT and does not move. */
  read(message: StoredMessage): LedgerRecord | undefined
}

/** Turns the stream's messages into records, every index once and none left out, whatever the transport repeats. */
export function createRecordReader({
  epoch,
  fromIndex = 0,
}: {
  epoch: number
  fromIndex?: number
}): RecordReader {
  let next = fromIndex
  return {
    index: () => next,
    read({ seq, subject, data }) {
      const index = seq - 1
      if (index < next) return undefined
      if (index > next) throw corrupt(`a gap: leaf ${next} is missing, the stream goes on with ${index}`)
      const { entry, leaf } = decodeLeaf(data, index)
      if (!isSubjectOf(subject, entry, epoch))
        throw corrupt(
          `leaf ${index} stands on ${subject}, which is not where a ${entry.type} entry of it belongs`,
        )
      next++
      return { epoch, index, entry, leaf, leafHash: toBase64(leafHash(data)) }
    },
  }
}

// Fatal, and the byte order mark kept: the text that we decode must be the bytes that we hash.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decodeLeaf(data: Uint8Array, index: number): { entry: LedgerEntry; leaf: string } {
  try {
    const leaf = utf8.decode(data)
    return { entry: decodeEntry(leaf), leaf }
  } catch (cause) {
    throw corrupt(`leaf ${index} cannot be read: ${(cause as Error).message}`, cause)
  }
}

/** A subject can be written once: an entry on another one would be a second fact where there can be only one. */
const isSubjectOf = (subject: string, entry: LedgerEntry, epoch: number): boolean =>
  // Whose review it is stands in the last token, as a hash that the broker takes.
  subject === subjectOfEntry(epoch, entry, subject.slice(subject.lastIndexOf('.') + 1))

export const corrupt = (what: string, cause?: unknown): HoldpointError =>
  new HoldpointError('LEDGER_CORRUPT', `ledger: ${what}`, { cause })

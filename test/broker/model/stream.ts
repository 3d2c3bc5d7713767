import { encodeEntry, type LedgerEntry } from '#contract'
import { leafHash } from '#ledger'
import type { Position } from '../../../src/broker/history/commit.ts'

export interface Leaf {
  subject: string
  entry: LedgerEntry
  bytes: string
  position: Position
}

/**
 * What JetStream promises of the ledger's stream, and nothing more: one order, and each subject once. Without
 * `once` it is a stream that keeps that promise no more, for a test that has to notice.
 */
export function createStream({ once = true } = {}) {
  const leaves: Leaf[] = []
  const bySubject = new Map<string, Leaf>()
  return {
    leaves: leaves as readonly Leaf[],
    find: (subject: string) => bySubject.get(subject),
    /** The leaf that has the subject: this one, or the one that came first. */
    write(subject: string, entry: LedgerEntry): Leaf {
      const present = bySubject.get(subject)
      if (present && (once || present.bytes === encodeEntry(entry))) return present
      const bytes = encodeEntry(entry)
      const hash = Buffer.from(leafHash(bytes)).toString('base64')
      const leaf = { subject, entry, bytes, position: { index: leaves.length, leafHash: hash } }
      leaves.push(leaf)
      bySubject.set(subject, leaf)
      return leaf
    },
  }
}
export type Stream = ReturnType<typeof createStream>

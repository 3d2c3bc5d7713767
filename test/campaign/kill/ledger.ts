import type { NatsConnection } from '@nats-io/transport-node'
import { readKeySet } from '#broker'
import { encodeEntry, HoldpointError } from '#contract'
import { createLedgerTail, type LedgerRecord, verifyLedger } from '#ledger'
import { EPOCH, type House } from '../../support/house.ts'
import { pause } from './load.ts'

const WITHIN_MS = 10_000

/** The whole ledger as a reader sees it. Throws LEDGER_CORRUPT for one with a gap. */
export async function readLedger(nc: NatsConnection): Promise<LedgerRecord[]> {
  const records: LedgerRecord[] = []
  const tail = createLedgerTail(
    { epoch: EPOCH },
    { nc, onRecord: (record) => void records.push(record), onCorrupt() {} },
  )
  await tail.start()
  try {
    await tail.barrier(WITHIN_MS)
    return records
  } finally {
    await tail.stop()
  }
}

/** Waits until nothing is under way any more; what is left then is for the judge. */
export async function settled(nc: NatsConnection, withinMs: number): Promise<LedgerRecord[]> {
  const giveUpAt = performance.now() + withinMs
  for (;;) {
    const records = await readLedger(nc)
    if (performance.now() > giveUpAt || underWay(records) === 0) return records
    await pause(250)
  }
}

function underWay(records: readonly LedgerRecord[]): number {
  const open = new Set<string>()
  for (const { entry } of records) {
    if (!('requestId' in entry)) continue
    if (entry.type === 'requested') open.add(entry.requestId)
    const isOver =
      entry.type === 'outcome' ||
      (entry.type === 'decided' && entry.decision !== 'approved') ||
      (entry.type === 'spent' && entry.spend !== 'consumed')
    if (isOver) open.delete(entry.requestId)
  }
  return open.size
}

/** The newest checkpoint covers every entry and its root is theirs; otherwise what is wrong. */
export async function verifyAgainstCheckpoint(
  house: House,
  records: readonly LedgerRecord[],
): Promise<string[]> {
  const { origin, keys } = readKeySet(house.home, Date.now())
  const leaves = records.map(({ entry }) => encodeEntry(entry))
  const giveUpAt = performance.now() + WITHIN_MS
  for (;;) {
    try {
      const { checkpoint } = await house.desk.ledger(house.token('bob'))
      if (!checkpoint) throw new HoldpointError('LEDGER_CORRUPT', 'there is no checkpoint')
      verifyLedger({ leaves, checkpoint: checkpoint.note, origin, keys })
      return []
    } catch (error) {
      // It may take a moment until the last entries are covered.
      if (performance.now() > giveUpAt) return [`the ledger does not verify: ${(error as Error).message}`]
      await pause(200)
    }
  }
}

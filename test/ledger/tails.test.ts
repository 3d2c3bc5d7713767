import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DiscardPolicy, jetstream, jetstreamManager, StorageType } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { encodeEntry, type LedgerEntry, ledgerStream, ledgerSubjects, subjectOfEntry } from '#contract'
import { createLedgerTails, type LedgerTails } from '#ledger'
import { startNats, type TestNats } from '../support/nats.ts'
import { history } from './entries.ts'

const SOON_MS = 10_000

let dir: string
let nats: TestNats
let nc: NatsConnection
let tails: LedgerTails
let read: string[]
let alarms: unknown[]

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'holdpoint-tails-'))
  nats = await startNats({ dir })
  nc = await connect({ servers: nats.url })
  read = []
  alarms = []
  tails = createLedgerTails({
    nc,
    onRecord: ({ epoch, index }) => void read.push(`${epoch}/${index}`),
    onCorrupt: (error) => void alarms.push(error),
  })
})
afterEach(async () => {
  await tails.stop()
  await nc.close()
  await nats.stop()
  rmSync(dir, { recursive: true, force: true })
})

async function begin(epoch: number, entries: LedgerEntry[] = []): Promise<void> {
  await (await jetstreamManager(nc)).streams.add({
    name: ledgerStream(epoch),
    subjects: [ledgerSubjects(epoch)],
    storage: StorageType.File,
    discard: DiscardPolicy.New,
    max_msgs_per_subject: 1,
    discard_new_per_subject: true,
  })
  for (const entry of entries)
    await jetstream(nc).publish(subjectOfEntry(epoch, entry, 'reviewer'), encodeEntry(entry))
}

describe('tails', () => {
  test('tails - two epochs are read side by side, and a barrier waits for both', async () => {
    await begin(1, history(2))
    await begin(2, history(3))
    await tails.follow(1)
    await tails.follow(2)
    await tails.start()
    await tails.barrier(SOON_MS)
    expect(read.toSorted()).toEqual(['1/0', '1/1', '2/0', '2/1', '2/2'])
    expect([tails.epochs(), tails.index(1), tails.index(2)]).toEqual([[1, 2], 2, 3])
  })

  test('tails - an epoch that begins later is followed from its first record, once', async () => {
    await begin(1, history(1))
    await tails.follow(1)
    await tails.start()
    await begin(2, history(2))
    await tails.follow(2)
    await tails.follow(2)
    await tails.barrier(SOON_MS)
    expect(read.toSorted()).toEqual(['1/0', '2/0', '2/1'])
  })

  test('tails - one that cannot be had yet is tried again when it is asked for again', async () => {
    await tails.start()
    await expect(tails.follow(3)).rejects.toMatchObject({ code: 'LEDGER_UNAVAILABLE', retryable: true })
    await begin(3, history(1))
    await tails.follow(3)
    await tails.barrier(SOON_MS)
    expect(read).toEqual(['3/0'])
  })

  test('tails - one that was left may be dropped, and the others go on', async () => {
    await begin(1, history(1))
    await begin(2)
    await tails.follow(1)
    await tails.follow(2)
    await tails.start()
    await tails.barrier(SOON_MS)
    await tails.leave(1)
    await (await jetstreamManager(nc)).streams.delete(ledgerStream(1))
    await tails.barrier(SOON_MS)
    expect([tails.epochs(), alarms]).toEqual([[2], []])
  })

  test('tails - one that is corrupt is an alarm for all', async () => {
    await begin(1, history(2))
    await begin(2)
    await tails.follow(1)
    await tails.follow(2)
    await tails.start()
    await tails.barrier(SOON_MS)
    await (await jetstreamManager(nc)).streams.purge(ledgerStream(1))
    await expect(tails.barrier(SOON_MS)).rejects.toMatchObject({ code: 'LEDGER_CORRUPT' })
    expect(alarms).toHaveLength(1)
  })
})

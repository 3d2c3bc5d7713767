import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DiscardPolicy, jetstream, jetstreamManager, StorageType } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  encodeEntry,
  type LedgerEntry,
  ledgerStream,
  ledgerSubject,
  ledgerSubjects,
  subjectOfEntry,
} from '#contract'
import { createLedgerTail, type LedgerRecord, type LedgerTail, leafHash } from '#ledger'
import { createRecordReader } from '../../src/ledger/record.ts'
import { startNats, type TestNats } from '../support/nats.ts'
import { decidedEntry, history, policyEntry, reviewEntry, spentEntry } from './entries.ts'

const EPOCH = 1
const SOON_MS = 10_000
const code = (expected: string) => expect.objectContaining({ code: expected })

let dir: string
let nats: TestNats
let nc: NatsConnection
const started: { stop(): Promise<void> }[] = []

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'holdpoint-tail-'))
  nats = await startNats({ dir })
  nc = await connect({ servers: nats.url, reconnectTimeWait: 50, maxReconnectAttempts: -1, timeout: 2_000 })
})
afterEach(async () => {
  for (const one of started.splice(0)) await one.stop()
  await nc.close()
  await nats.stop()
  rmSync(dir, { recursive: true, force: true })
})

const createStream = async () =>
  (await jetstreamManager(nc)).streams.add({
    name: ledgerStream(EPOCH),
    subjects: [ledgerSubjects(EPOCH)],
    storage: StorageType.File,
    discard: DiscardPolicy.New,
    max_msgs_per_subject: 1,
    discard_new_per_subject: true,
  })

const subjectOf = (entry: LedgerEntry): string => subjectOfEntry(EPOCH, entry, 'reviewer')

async function publish(entries: LedgerEntry[]): Promise<void> {
  for (const entry of entries) await jetstream(nc).publish(subjectOf(entry), encodeEntry(entry))
}

interface Watched {
  tail: LedgerTail
  records: LedgerRecord[]
  alarms: unknown[]
  alarm: Promise<unknown>
}

async function follow({ fromIndex = 0, onRecord = (_: LedgerRecord) => {} } = {}): Promise<Watched> {
  const records: LedgerRecord[] = []
  const alarms: unknown[] = []
  const { promise: alarm, resolve } = Promise.withResolvers<unknown>()
  const tail = createLedgerTail(
    { epoch: EPOCH, fromIndex },
    {
      nc,
      onRecord(record) {
        onRecord(record)
        records.push(record)
      },
      onCorrupt(error) {
        alarms.push(error)
        resolve(error)
      },
    },
  )
  started.push(tail)
  await tail.start()
  return { tail, records, alarms, alarm }
}

describe('tail', () => {
  test('tail - every record once, in order, with its index, bytes and leaf hash, before and after the start', async () => {
    const entries = history(40)
    await createStream()
    await publish(entries.slice(0, 25))
    const { tail, records, alarms } = await follow()
    await publish(entries.slice(25))
    await tail.barrier(SOON_MS)
    expect(records.map((record) => record.index)).toEqual([...entries.keys()])
    expect(records.map((record) => record.entry)).toEqual(entries)
    expect(records.map((record) => record.leaf)).toEqual(entries.map(encodeEntry))
    const hash = Buffer.from(leafHash(encodeEntry(entries[3] as LedgerEntry))).toString('base64')
    expect(records[3]?.leafHash).toBe(hash)
    expect(tail.index()).toBe(40)
    expect(alarms).toEqual([])
  })

  test('tail - begins where a snapshot ends', async () => {
    await createStream()
    await publish(history(10))
    const { tail, records } = await follow({ fromIndex: 7 })
    await tail.barrier(SOON_MS)
    expect(records.map((record) => record.index)).toEqual([7, 8, 9])
  })

  test('tail - a barrier on an empty ledger is there at once', async () => {
    await createStream()
    const { tail, records } = await follow()
    await tail.barrier(SOON_MS)
    expect(records).toEqual([])
  })

  test('tail - without a stream it does not start, and says that this may change', async () => {
    await expect(follow()).rejects.toMatchObject({ code: 'LEDGER_UNAVAILABLE', retryable: true })
  })

  test('tail - an entry that was deleted is an alarm, and every barrier fails', async () => {
    await createStream()
    await publish(history(5))
    await (await jetstreamManager(nc)).streams.deleteMessage(ledgerStream(EPOCH), 3)
    const { tail, alarm } = await follow()
    expect(await alarm).toEqual(code('LEDGER_CORRUPT'))
    await expect(tail.barrier(SOON_MS)).rejects.toEqual(code('LEDGER_CORRUPT'))
  })

  test('tail - a purge under way is found by the next barrier', async () => {
    await createStream()
    await publish(history(5))
    const { tail, alarms } = await follow()
    await tail.barrier(SOON_MS)
    await (await jetstreamManager(nc)).streams.purge(ledgerStream(EPOCH))
    await expect(tail.barrier(SOON_MS)).rejects.toEqual(code('LEDGER_CORRUPT'))
    expect(alarms).toEqual([code('LEDGER_CORRUPT')])
  })

  test('tail - a stream made anew under the old name is found by the next barrier', async () => {
    await createStream()
    await publish(history(5))
    const { tail } = await follow()
    await tail.barrier(SOON_MS)
    await (await jetstreamManager(nc)).streams.delete(ledgerStream(EPOCH))
    await createStream()
    await expect(tail.barrier(SOON_MS)).rejects.toThrow(/5 entries were seen before/)
  })

  test('tail - a snapshot from beyond the end of the stream is an alarm', async () => {
    await createStream()
    await publish(history(3))
    expect(await (await follow({ fromIndex: 4 })).alarm).toEqual(code('LEDGER_CORRUPT'))
  })

  test('tail - an undecodable leaf is an alarm, and nothing after it is delivered', async () => {
    await createStream()
    await publish([policyEntry(1)])
    await jetstream(nc).publish(ledgerSubject.decided(EPOCH, 'r1'), '{"not":"an entry"}')
    await publish([policyEntry(2)])
    const { records, alarm, alarms } = await follow()
    expect(await alarm).toMatchObject({ code: 'LEDGER_CORRUPT', message: expect.stringContaining('leaf 1') })
    expect([records.length, alarms.length]).toEqual([1, 1])
  })

  test('tail - what its reader throws ends it, and is handed on as it is', async () => {
    await createStream()
    await publish(history(5))
    const refused = new Error('two decisions')
    const { records, alarm } = await follow({
      onRecord: ({ index }) => {
        if (index === 2) throw refused
      },
    })
    expect(await alarm).toBe(refused)
    expect(records.length).toBe(2)
  })

  test('tail - over a restart of the server nothing is doubled and nothing skipped', async () => {
    const entries = history(30)
    const { port } = new URL(nats.url)
    await createStream()
    await publish(entries.slice(0, 10))
    const { tail, records, alarms } = await follow()
    await tail.barrier(SOON_MS)
    const reconnected = (async () => {
      for await (const { type } of nc.status()) if (type === 'reconnect') return
    })()
    await nats.stop()
    await expect(tail.barrier(200)).rejects.toEqual(code('LEDGER_UNAVAILABLE'))
    nats = await startNats({ dir, port: Number(port) })
    await reconnected
    await publish(entries.slice(10))
    await tail.barrier(SOON_MS)
    expect(records.map((record) => record.index)).toEqual([...entries.keys()])
    expect(alarms).toEqual([])
  })

  test('tail - after a reconnect to a server with another history there is an alarm, without anybody asking', async () => {
    const { port } = new URL(nats.url)
    await createStream()
    await publish(history(5))
    const { tail, alarm } = await follow()
    await tail.barrier(SOON_MS)
    const reconnected = (async () => {
      for await (const { type } of nc.status()) if (type === 'reconnect') return
    })()
    await nats.stop()
    rmSync(dir, { recursive: true, force: true })
    nats = await startNats({ dir, port: Number(port) })
    await reconnected
    await createStream()
    await publish(history(2))
    expect(await alarm).toEqual(code('LEDGER_CORRUPT'))
  })

  test('tail - stopped it delivers nothing, its barriers end, and it may be stopped twice', async () => {
    await createStream()
    const { tail, records } = await follow()
    await tail.stop()
    await tail.stop()
    await publish(history(3))
    await expect(tail.barrier(SOON_MS)).rejects.toEqual(code('LEDGER_UNAVAILABLE'))
    expect(records).toEqual([])
  })
})

describe('record reader', () => {
  const bytes = (entry: LedgerEntry) => Buffer.from(encodeEntry(entry))
  const stored = (seq: number, entry: LedgerEntry, subject = subjectOf(entry)) => ({
    seq,
    subject,
    data: bytes(entry),
  })

  test('record - a message that comes again is passed over', () => {
    const reader = createRecordReader({ epoch: EPOCH })
    expect(reader.read(stored(1, policyEntry(1)))?.index).toBe(0)
    expect(reader.read(stored(1, policyEntry(1)))).toBeUndefined()
    expect(reader.index()).toBe(1)
  })

  test('record - a review stands on the subject of its request, below its reviewer', () => {
    const reader = createRecordReader({ epoch: EPOCH })
    expect(reader.read(stored(1, reviewEntry('1-a')))?.entry).toEqual(reviewEntry('1-a'))
  })

  const decided = decidedEntry('1-a')
  test.each([
    ['that leaves one out', stored(2, policyEntry(1))],
    ['on another request’s subject', stored(1, decided, ledgerSubject.decided(EPOCH, '1-b'))],
    ['on another fact’s subject', stored(1, decided, ledgerSubject.spent(EPOCH, '1-a'))],
    [
      'that is a review, on another request’s subject',
      stored(1, reviewEntry('1-a'), ledgerSubject.review(EPOCH, '1-b', 'r')),
    ],
    [
      'that is a review, where a decision belongs',
      stored(1, reviewEntry('1-a'), ledgerSubject.decided(EPOCH, '1-a')),
    ],
    ['on another epoch’s subject', stored(1, decided, ledgerSubject.decided(2, '1-a'))],
    ['on another policy’s subject', stored(1, policyEntry(2), ledgerSubject.policy(EPOCH, 1))],
    ['that is not UTF-8', { ...stored(1, decided), data: Buffer.from([0xff, 0xfe]) }],
    [
      'with a byte order mark',
      { ...stored(1, decided), data: Buffer.concat([Buffer.from('\ufeff'), bytes(decided)]) },
    ],
    ['that ends early', { ...stored(1, decided), data: bytes(decided).subarray(1) }],
    ['without a body', { ...stored(1, spentEntry('1-a')), data: Buffer.alloc(0) }],
  ])('record - a message %s is corruption, and the reader stays where it is', (_, message) => {
    const reader = createRecordReader({ epoch: EPOCH })
    expect(() => reader.read(message)).toThrow(code('LEDGER_CORRUPT'))
    expect(reader.index()).toBe(0)
  })
})

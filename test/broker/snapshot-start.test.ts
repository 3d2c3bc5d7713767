import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { JsonValue } from '#contract'
import type { Frontier } from '#ledger'
import { readSnapshot, snapshotKey, writeSnapshot } from '../../src/broker/history/snapshot-file.ts'
import { claimOf, consumeOf, type Held, holdAction, reviewAs } from '../support/held.ts'
import { attemptOf, type House, startHouse, type TestAgent } from '../support/house.ts'

let house: House
let agent: TestAgent
beforeEach(async () => {
  house = await startHouse()
  agent = await house.agent('support-agent')
})
afterEach(() => house.stop())

const file = () => house.home.path('data/broker/ledger.snapshot')
const key = () => snapshotKey(Buffer.from(house.home.read('keys/broker.secret'), 'base64url'))

/** One that is decided, one that is half approved; the broker is stopped in order. */
async function liveAndStop(): Promise<{ decided: Held; open: Held; entries: number }> {
  const decided = await holdAction(agent)
  await reviewAs(house, 'bob', decided.requestId)
  const open = await holdAction(agent, attemptOf({ name: 'wire_money' }))
  await reviewAs(house, 'bob', open.requestId)
  await house.broker().stop()
  // The policy, twice requested and reviewed, once decided.
  return { decided, open, entries: 6 }
}

/** How many entries the newest start took from a snapshot, and what it warned about. */
async function startAgain(): Promise<{ fromSnapshot: number; warnings: string[] }> {
  const from = house.lines.length
  await house.startBroker()
  const lines = house.lines.slice(from).map((line) => JSON.parse(line) as Record<string, unknown>)
  const read = lines.find(({ msg }) => msg === 'the ledger has been read')
  const warnings = lines.filter(({ msg }) => /snapshot/.test(String(msg))).map((line) => JSON.stringify(line))
  return { fromSnapshot: Number(read?.fromSnapshot), warnings }
}

async function expectAllKnown({ decided, open }: { decided: Held; open: Held }): Promise<void> {
  expect(await claimOf(agent, decided.requestId)).toMatchObject({ status: 'approved' })
  await consumeOf(agent, decided)
  expect(await claimOf(agent, open.requestId)).toEqual({ status: 'pending' })
  expect(await reviewAs(house, 'carol', open.requestId)).toMatchObject({ state: 'approved' })
  const again = await holdAction(agent, open.attempt)
  expect(again.requestId).toBe(open.requestId)
}

/** Authentic, and wrong all the same: as a data folder that was put back from another time would be. */
async function forge(change: (frontier: Frontier) => Frontier): Promise<void> {
  const [header, ...rows] = [...((await readSnapshot(file(), key())) ?? [])] as [
    { frontiers: [number, Frontier][] },
    ...JsonValue[],
  ]
  const forged = {
    ...header,
    frontiers: header.frontiers.map(([epoch, frontier]) => [epoch, change(frontier)]),
  } as unknown as JsonValue
  await writeSnapshot(file(), key(), [forged, ...rows])
}

test('start - everything is known again from the snapshot, and the ledger is not read anew', async () => {
  const lived = await liveAndStop()
  expect(await startAgain()).toEqual({ fromSnapshot: lived.entries, warnings: [] })
  await expectAllKnown(lived)
})

test('start - what another replica wrote after the snapshot is read from the ledger', async () => {
  const lived = await liveAndStop()
  const kept = readFileSync(file())
  await house.startBroker()
  const later = await holdAction(agent)
  await house.broker().stop()
  writeFileSync(file(), kept)
  expect(await startAgain()).toEqual({ fromSnapshot: lived.entries, warnings: [] })
  expect(await claimOf(agent, later.requestId)).toEqual({ status: 'pending' })
  await expectAllKnown(lived)
})

/** As values: in which order an entry's members stand depends on who told of it first, the commit or the tail. */
const rowsOfSnapshot = async (): Promise<JsonValue[]> => [...((await readSnapshot(file(), key())) ?? [])]

test('start - a deleted snapshot is rebuilt, and says the same', async () => {
  const lived = await liveAndStop()
  const before = await rowsOfSnapshot()
  rmSync(file())
  expect(await startAgain()).toEqual({ fromSnapshot: 0, warnings: [] })
  await house.broker().stop()
  expect(await rowsOfSnapshot()).toEqual(before)
  await startAgain()
  await expectAllKnown(lived)
})

test.each<[string, () => Promise<void> | void]>([
  [
    'that somebody wrote into',
    () => writeFileSync(file(), readFileSync(file(), 'utf8').replace('"approved"', '"denied"')),
  ],
  ['that is cut short', () => writeFileSync(file(), readFileSync(file()).subarray(0, -200))],
  ['ahead of the ledger', () => forge(({ size, hashes }) => ({ size: size * 2 ** 20, hashes }))],
  [
    'ahead of what has been signed',
    () => forge(({ size, hashes }) => ({ size: size + 1, hashes: [...hashes, hashes[0] as string] })),
  ],
  [
    'whose root contradicts the signed checkpoint',
    () => forge(({ size, hashes }) => ({ size, hashes: hashes.toReversed() })),
  ],
  [
    'of an earlier time whose root is of no beginning of this ledger',
    () => forge(() => ({ size: 2, hashes: [Buffer.alloc(32, 1).toString('base64')] })),
  ],
  ['with a frontier that no tree has', () => forge(({ size }) => ({ size, hashes: [] }))],
])('start - a snapshot %s is ignored with a warning, and all is read from the ledger', async (_, spoil) => {
  const lived = await liveAndStop()
  await spoil()
  const { fromSnapshot, warnings } = await startAgain()
  expect(fromSnapshot).toBe(0)
  expect(warnings).toHaveLength(1)
  await expectAllKnown(lived)
})

test('start - a ledger that contradicts its signed checkpoint is served to nobody', async () => {
  await liveAndStop()
  const { signCheckpoint, formatCheckpoint } = await import('#ledger')
  const { FILES, readKey } = await import('#broker')
  const { jetstream } = await import('@nats-io/jetstream')
  const { x, sign } = readKey(house.home, FILES.ledgerKey)
  const origin = 'test.invalid/holdpoint'
  const js = jetstream(await house.connect('broker'))
  const publish = (size: number, root: Uint8Array) =>
    js.publish(
      'hp.v1.checkpoint.1',
      signCheckpoint(formatCheckpoint({ origin, size, root }), { name: origin, x, sign }),
    )
  await publish(5, Buffer.alloc(32, 9))
  await expect(house.startBroker()).rejects.toMatchObject({ code: 'LEDGER_CORRUPT' })
  await publish(500, Buffer.alloc(32, 9))
  await expect(house.startBroker()).rejects.toMatchObject({ code: 'LEDGER_CORRUPT' })
})

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { JsonValue } from '#contract'
import { createTree, leafHash } from '#ledger'
import type { Projection } from '../../src/broker/projection.ts'
import { createSnapshots, type SnapshotConfig } from '../../src/broker/snapshot.ts'
import { snapshotKey, writeSnapshot } from '../../src/broker/snapshot-file.ts'
import { createFakeLog } from '../support/log.ts'

const secret = new Uint8Array(32).fill(7)
let dir: string
let config: SnapshotConfig
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'holdpoint-snapshot-'))
  config = { dir, epoch: 1, origin: 'test.invalid/holdpoint', secret }
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

/** Remembers the rows that it is given. */
function createRows(rows: JsonValue[] = []): Projection & { rows: JsonValue[] } {
  return {
    rows,
    apply() {},
    save: () => [...rows],
    load: (row) => void rows.push(row),
    clear: () => void rows.splice(0),
  }
}

const frontier = (() => {
  const tree = createTree()
  for (let leaf = 0; leaf < 11; leaf++) tree.append(leafHash(`leaf ${leaf}`))
  return tree.frontier()
})()
const file = () => join(dir, 'HP_LEDGER_1.snapshot')
const ROWS: JsonValue[] = [{ a: 1 }, ['zwei', null, '\n\u2028 \ud83d\udd11'], 'three']

async function write(changes: Partial<SnapshotConfig> = {}, names = ['one', 'other']): Promise<void> {
  const projections = Object.fromEntries(names.map((name) => [name, createRows(structuredClone(ROWS))]))
  await createSnapshots({ ...config, ...changes }, { projections, log: createFakeLog() }).write(frontier)
}

/** What is read back, and what was warned about. */
async function read(changes: Partial<SnapshotConfig> = {}) {
  const log = createFakeLog()
  const projections = { one: createRows(), other: createRows() }
  const found = await createSnapshots({ ...config, ...changes }, { projections, log }).read()
  found?.load()
  return { frontier: found?.frontier, rows: [projections.one.rows, projections.other.rows], log }
}

test('snapshot - what was written is read again, to every projection its own', async () => {
  await write()
  const { frontier: found, rows, log } = await read()
  expect(found).toEqual(frontier)
  expect(rows).toEqual([ROWS, ROWS])
  expect(log.lines).toEqual([])
})

test('snapshot - where there is none, nobody is warned', async () => {
  const { frontier: found, log } = await read()
  expect(found).toBeUndefined()
  expect(log.lines).toEqual([])
})

test('snapshot - a larger one than a write takes at once comes back whole, and leaves no draft behind', async () => {
  const rows = Array.from({ length: 20_000 }, (_, nth) => ({ nth, text: 'x'.repeat(50) }))
  const log = createFakeLog()
  await createSnapshots(config, { projections: { rows: createRows(rows) }, log }).write(frontier)
  const again = createRows()
  ;(await createSnapshots(config, { projections: { rows: again }, log }).read())?.load()
  expect(again.rows).toEqual(rows)
  expect(readdirSync(dir)).toEqual(['HP_LEDGER_1.snapshot'])
})

test('snapshot - any byte of it changed, added or taken away: it is ignored with a warning', async () => {
  await write()
  const good = readFileSync(file())
  const damaged = fc.oneof(
    fc.record({ at: fc.nat(good.length - 1), by: fc.integer({ min: 1, max: 255 }) }).map(({ at, by }) => {
      const bytes = Buffer.from(good)
      bytes[at] = (bytes[at] as number) ^ by
      return bytes
    }),
    fc.nat(good.length - 2).map((end) => good.subarray(0, end)),
    fc.uint8Array({ minLength: 1, maxLength: 40 }).map((more) => Buffer.concat([good, more])),
  )
  await fc.assert(
    fc.asyncProperty(damaged, async (bytes) => {
      writeFileSync(file(), bytes)
      const { frontier: found, rows, log } = await read()
      // Of the newline behind the MAC alone nothing depends.
      if (bytes.subarray(0, -1).equals(good.subarray(0, -1)) && bytes.length === good.length) return
      expect(found).toBeUndefined()
      expect(rows).toEqual([[], []])
      expect(log.lines).toHaveLength(1)
    }),
    { numRuns: 200 },
  )
})

test.each<[string, Partial<SnapshotConfig>, string[]?]>([
  ['of another broker’s secret', { secret: new Uint8Array(32).fill(8) }],
  ['of another installation', { origin: 'other.invalid/holdpoint' }],
  ['that knows fewer things', {}, ['one']],
  ['that knows others', {}, ['one', 'another']],
  ['that knows them in another order', {}, ['other', 'one']],
])('snapshot - one %s is ignored with a warning', async (_, changes, names) => {
  await write(changes, names)
  const { frontier: found, rows, log } = await read()
  expect(found).toBeUndefined()
  expect(rows).toEqual([[], []])
  expect(log.lines).toHaveLength(1)
})

test('snapshot - one of another epoch is ignored, though it lies where ours should', async () => {
  await write({ epoch: 2 })
  writeFileSync(file(), readFileSync(join(dir, 'HP_LEDGER_2.snapshot')))
  expect(await read()).toMatchObject({ frontier: undefined, rows: [[], []] })
})

test.each([
  ['empty', Buffer.alloc(0)],
  ['of one newline', Buffer.from('\n')],
  ['of newlines', Buffer.from('\n\n\n')],
  ['of nulls', Buffer.alloc(1_000)],
])('snapshot - a file that is %s is ignored with a warning', async (_, bytes) => {
  writeFileSync(file(), bytes)
  const { frontier: found, log } = await read()
  expect(found).toBeUndefined()
  expect(log.lines).toHaveLength(1)
})

test('snapshot - a write that fails leaves the old one as it was', async () => {
  await write()
  const before = readFileSync(file())
  const broken = function* (): Generator<JsonValue> {
    yield 'half'
    throw new Error('the disk is full')
  }
  await expect(writeSnapshot(file(), snapshotKey(secret), broken())).rejects.toThrow('full')
  expect(readFileSync(file())).toEqual(before)
  expect(readdirSync(dir)).toEqual(['HP_LEDGER_1.snapshot'])
})

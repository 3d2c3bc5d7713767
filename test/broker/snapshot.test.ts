import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { JsonValue } from '#contract'
import { createTree, leafHash } from '#ledger'
import { createSnapshots, type Snapshot, type SnapshotConfig } from '../../src/broker/history/snapshot.ts'
import { snapshotKey, writeSnapshot } from '../../src/broker/history/snapshot-file.ts'
import type { Projection } from '../../src/broker/state/projection.ts'
import { createFakeLog } from '../support/log.ts'

const secret = new Uint8Array(32).fill(7)
let dir: string
let config: SnapshotConfig
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'holdpoint-snapshot-'))
  config = { dir, origin: 'test.invalid/holdpoint', secret }
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
const KEPT: Snapshot = { frontiers: [[2, frontier]], left: [1] }
const file = () => join(dir, 'ledger.snapshot')
const ROWS: JsonValue[] = [{ a: 1 }, ['zwei', null, '\n\u2028 \ud83d\udd11'], 'three']

async function write(changes: Partial<SnapshotConfig> = {}, names = ['one', 'other']): Promise<void> {
  const projections = Object.fromEntries(names.map((name) => [name, createRows(structuredClone(ROWS))]))
  await createSnapshots({ ...config, ...changes }, { projections, log: createFakeLog() }).write(KEPT)
}

/** What is read back, and what was warned about. */
async function read(changes: Partial<SnapshotConfig> = {}) {
  const log = createFakeLog()
  const projections = { one: createRows(), other: createRows() }
  const found = await createSnapshots({ ...config, ...changes }, { projections, log }).read()
  found?.load()
  return {
    kept: found && { frontiers: found.frontiers, left: found.left },
    rows: [projections.one.rows, projections.other.rows],
    log,
  }
}

test('snapshot - what was written is read again, to every projection its own', async () => {
  await write()
  const { kept, rows, log } = await read()
  expect(kept).toEqual(KEPT)
  expect(rows).toEqual([ROWS, ROWS])
  expect(log.lines).toEqual([])
})

test('snapshot - where there is none, nobody is warned', async () => {
  const { kept, log } = await read()
  expect(kept).toBeUndefined()
  expect(log.lines).toEqual([])
})

test('snapshot - a larger one than a write takes at once comes back whole, and leaves no draft behind', async () => {
  const rows = Array.from({ length: 20_000 }, (_, nth) => ({ nth, text: 'x'.repeat(50) }))
  const log = createFakeLog()
  await createSnapshots(config, { projections: { rows: createRows(rows) }, log }).write(KEPT)
  const again = createRows()
  ;(await createSnapshots(config, { projections: { rows: again }, log }).read())?.load()
  expect(again.rows).toEqual(rows)
  expect(readdirSync(dir)).toEqual(['ledger.snapshot'])
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
      const { kept, rows, log } = await read()
      // Of the newline behind the MAC alone nothing depends.
      if (bytes.subarray(0, -1).equals(good.subarray(0, -1)) && bytes.length === good.length) return
      expect(kept).toBeUndefined()
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
  const { kept, rows, log } = await read()
  expect(kept).toBeUndefined()
  expect(rows).toEqual([[], []])
  expect(log.lines).toHaveLength(1)
})

test.each([
  ['empty', Buffer.alloc(0)],
  ['of one newline', Buffer.from('\n')],
  ['of newlines', Buffer.from('\n\n\n')],
  ['of nulls', Buffer.alloc(1_000)],
])('snapshot - a file that is %s is ignored with a warning', async (_, bytes) => {
  writeFileSync(file(), bytes)
  const { kept, log } = await read()
  expect(kept).toBeUndefined()
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
  expect(readdirSync(dir)).toEqual(['ledger.snapshot'])
})

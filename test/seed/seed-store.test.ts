import { afterAll, beforeAll, expect, test } from 'vitest'
import { type SeedReport, seedStore } from '#seed'
import { createStore, type Store } from '#store'
import { type RunningEngine, startEngine } from '../store/engine-fixture.ts'

const OPTIONS = { spans: 4_000, seed: 7, endsAtMs: Date.UTC(2026, 10, 20, 12), incidents: [] }

let running: RunningEngine
let reader: Store
let report: SeedReport
beforeAll(async () => {
  running = await startEngine()
  reader = createStore(running.engine.reader)
  report = await seedStore(running.engine.writer, OPTIONS)
}, 60_000)
afterAll(async () => {
  await reader.close()
  await running.stop()
})

const count = async (table: string): Promise<number | undefined> =>
  (await reader.query<{ rows: number }>(`SELECT count() AS rows FROM ${table} FINAL`))[0]?.rows

test('seed - the report counts what is in the tables', async () => {
  for (const table of ['holdpoint_ledger', 'holdpoint_findings'])
    expect(await count(table), table).toBe(report.rows[table])
  expect(Math.abs((report.rows.otel_traces ?? 0) - OPTIONS.spans)).toBeLessThan(400)
})

test('seed - the same week again changes nothing', async () => {
  const again = await seedStore(running.engine.writer, OPTIONS)
  expect(again).toEqual({ ...report, isRepeated: true })
  expect(await count('holdpoint_ledger')).toBe(report.rows.holdpoint_ledger)
})

test('seed - another week is refused where there is one', async () => {
  await expect(seedStore(running.engine.writer, { ...OPTIONS, seed: 8 })).rejects.toThrow(
    /another seeded week, of --spans 4000 --seed 7/,
  )
})

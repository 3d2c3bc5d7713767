import { afterAll, beforeAll, expect, test } from 'vitest'
import { createStore, type Store } from '#store'
import { clientOf, type RunningEngine, startEngine } from './engine-fixture.ts'

let running: RunningEngine
let store: Store
beforeAll(async () => {
  running = await startEngine({ migrated: true })
  store = createStore(running.engine.writer)
  await store.migrate()
  const client = clientOf(running.engine.writer)
  for (const query of [
    'CREATE TABLE numbers_said (number UInt64) ENGINE = MergeTree ORDER BY number',
    "CREATE MATERIALIZED VIEW by_number TO numbers_said AS SELECT toUInt64(Body) AS number FROM otel_logs WHERE Body LIKE '#%'",
    "ALTER TABLE otel_logs ADD CONSTRAINT short CHECK length(Body) < 100 OR Body LIKE '#%'",
  ])
    await client.command({ query })
  await client.close()
})
afterAll(async () => {
  await store?.close()
  await running?.stop()
})

const insert = (text: string, token: string) => {
  const data = Buffer.concat([Buffer.alloc(8), Buffer.from([text.length]), Buffer.from(text)])
  const block = { table: 'otel_logs', columns: ['Timestamp', 'Body'], rows: 1, data }
  return store.insertRows(block, token)
}

test('refused - what somebody’s own view cannot read is stored already, and so is taken apart never', async () => {
  for (let attempt = 0; attempt < 2; attempt++)
    await expect(insert('#poison', 'one')).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true })
  expect(await store.query("SELECT Body FROM otel_logs WHERE Body = '#poison'")).toHaveLength(1)
})

test('refused - what only speaks of a view is the rows’ own fault all the same', async () => {
  const text = `${'x'.repeat(90)}: while pushing to view a.b`
  await expect(insert(text, 'two')).rejects.toMatchObject({ code: 'INVALID_INPUT', retryable: false })
  expect(await store.query('SELECT Body FROM otel_logs WHERE length(Body) > 90')).toEqual([])
})

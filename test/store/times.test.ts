import { afterAll, beforeAll, expect, test } from 'vitest'
import { createStore, type Store, unixMilliText, unixNanoText } from '#store'
import { clientOf, type RunningEngine, startEngine } from './engine-fixture.ts'

let running: RunningEngine
let store: Store
beforeAll(async () => {
  running = await startEngine()
  store = createStore(running.engine.writer)
}, 30_000)
afterAll(async () => {
  await store?.close()
  await running?.stop()
})

const SECOND = 1_000_000_000n

test('store - every time from 1970 to 2262 is stored to the nanosecond, as the ledger’s to the millisecond', async () => {
  const times = [
    0n,
    1n,
    SECOND,
    99_999_999n * SECOND,
    100_000_000n * SECOND + 5n,
    1_790_000_000_123_456_789n,
    2n ** 63n - 1n,
  ]
  const client = clientOf(running.engine.writer)
  await client.command({
    query:
      "CREATE TABLE times (at UInt8, ns DateTime64(9, 'UTC'), ms DateTime64(3, 'UTC')) ENGINE = MergeTree ORDER BY at",
  })
  await client.insert({
    table: 'times',
    values: times.map((time, at) => [at, unixNanoText(time), unixMilliText(Number(time / 1_000_000n))]),
    format: 'JSONCompactEachRow',
  })
  await client.close()
  const rows = await store.query<{ ns: string; ms: string }>(
    'SELECT toString(toUnixTimestamp64Nano(ns)) AS ns, toString(toUnixTimestamp64Milli(ms)) AS ms FROM times ORDER BY at',
  )
  expect(rows).toEqual(times.map((time) => ({ ns: String(time), ms: String(time / 1_000_000n) })))
})

test('store - a time beyond what the ledger’s table holds does not keep its entry out', async () => {
  const client = clientOf(running.engine.writer)
  await client.command({
    query: "CREATE TABLE far (at UInt8, ms Nullable(DateTime64(3, 'UTC'))) ENGINE = MergeTree ORDER BY at",
  })
  const values = [Number.MAX_SAFE_INTEGER, 10_413_792_000_000, 99_999_999_999_999].map((ms, at) => [
    at,
    unixMilliText(ms),
  ])
  await client.insert({ table: 'far', values, format: 'JSONCompactEachRow' })
  await client.close()
  expect(await store.query('SELECT count() AS n FROM far')).toEqual([{ n: 3 }])
})

import type { ClickHouseClient } from '@clickhouse/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Verification } from '#contract'
import { createStore, type FindingRow, readMigrations, type Store, unixNanoText } from '#store'
import { clientOf, type RunningEngine, startEngine } from './engine-fixture.ts'

let running: RunningEngine
let client: ClickHouseClient
let store: Store
beforeAll(async () => {
  running = await startEngine()
  client = clientOf(running.engine.writer)
  store = createStore(running.engine.writer)
  // As an older Holdpoint has left it.
  for (const { version, statements } of await readMigrations())
    if (version <= 4) for (const query of statements) await client.command({ query })
})
afterAll(async () => {
  await client?.close()
  await store?.close()
  await running?.stop()
})

const digest = (char: string): string => `sha-256:${char.repeat(64)}`
const row = (char: string, verification: Verification, more: Partial<FindingRow> = {}): FindingRow => ({
  trace_id: char.repeat(32),
  span_id: char.repeat(16),
  timestamp: unixNanoText(1_790_000_000_123_456_789n),
  service_name: 'billing',
  agent: 'billing-bot',
  environment: 'prod',
  kind: 'tool',
  name: 'export_customers',
  target: '',
  ruling: 'hold',
  rule: 'export',
  policy_version: 3,
  request_id: '',
  outcome: 'executed',
  verification,
  detail: '',
  content_digest: digest(char),
  judged_at: 1_790_000_001_000,
  ...more,
})

const actions = async () => {
  const rows = await store.query<{ trace_id: string; verification: string }>(
    'SELECT trace_id, verification FROM holdpoint_actions ORDER BY trace_id',
  )
  return rows.map(({ trace_id, verification }) => `${trace_id[0]} ${verification}`)
}

const activity = async () => {
  const rows = await store.query<{ trace_id: string; verification: string }>(
    'SELECT trace_id, verification FROM holdpoint_activity FINAL ORDER BY trace_id',
  )
  return rows.map(({ trace_id, verification }) => `${trace_id[0]} ${verification}`)
}

test('store - findings of an older version stay what they were, and the new ones stand beside them', async () => {
  const old = [
    row('1', 'verified'),
    row('2', 'missing'),
    row('3', 'unverifiable'),
    row('4', 'verified', { content_digest: '' }),
  ]
  await client.insert({
    table: 'holdpoint_findings',
    values: old.map((one) => ({ ...one, judged_at: (one.judged_at / 1000).toFixed(3) })),
    format: 'JSONEachRow',
  })
  // Several pipelines start at once, and one of them starts again.
  await Promise.all([store.migrate(), createAndMigrate(), createAndMigrate()])
  await store.migrate()
  expect(await actions()).toEqual(['1 verified', '2 missing', '3 unverifiable', '4 verified'])
  expect(await activity()).toEqual(['1 verified', '2 missing', '3 unverifiable', '4 verified'])

  const later = { judged_at: 1_790_000_002_000 }
  await store.insertFindings(
    [
      // Sent again, judged again: the same content is one span.
      row('1', 'verified', later),
      // Harmless, under the ids of an alarm: it stands beside it, and hides nothing.
      row('2', 'not_required', { ...later, content_digest: digest('a') }),
      row('3', 'verified', later),
      row('4', 'verified', later),
      row('5', 'missing', later),
    ],
    'new findings',
  )
  expect(await actions()).toEqual([
    '1 verified',
    '2 missing',
    '2 not_required',
    '3 verified',
    '4 verified',
    '5 missing',
  ])
})

async function createAndMigrate(): Promise<void> {
  const another = createStore(running.engine.writer)
  await another.migrate()
  await another.close()
}

test('store - the migration of findings can run twice, and changes nothing the second time', async () => {
  const describeTable = async () => {
    const result = await client.query({
      query: 'SHOW CREATE TABLE holdpoint_findings',
      format: 'TabSeparatedRaw',
    })
    return result.text()
  }
  const before = await describeTable()
  expect(before).toContain('ORDER BY (trace_id, span_id, content, alarm)')
  const migrations = await readMigrations()
  for (const { version, statements } of migrations)
    if (version >= 7) for (const query of statements) await client.command({ query })
  expect(await describeTable()).toBe(before)
  expect(await actions()).toHaveLength(6)
  expect(await activity()).toEqual([
    '1 verified',
    '2 missing',
    '2 not_required',
    '3 unverifiable',
    '3 verified',
    '4 verified',
    '4 verified',
    '5 missing',
  ])
})

test('store - an alarm and what was said before or after stand beside each other, whatever is merged', async () => {
  for (const [index, verification] of (['verified', 'replayed', 'verified'] as const).entries())
    await store.insertFindings(
      [row('6', verification, { judged_at: 1_790_000_003_000 + index })],
      `merged ${index}`,
    )
  const words = async (final: string) =>
    (
      await store.query<{ verification: string }>(
        `SELECT verification FROM holdpoint_findings ${final} WHERE trace_id = {id:String} ORDER BY verification`,
        { id: '6'.repeat(32) },
      )
    ).map(({ verification }) => verification)
  expect(await words('FINAL')).toEqual(['replayed', 'verified'])
  await client.command({ query: 'OPTIMIZE TABLE holdpoint_findings FINAL' })
  expect(await words('')).toEqual(['replayed', 'verified'])
  expect((await actions()).filter((one) => one.startsWith('6'))).toEqual(['6 replayed'])
})

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createStore, readMigrations, type Store } from '#store'
import { clientOf, emptyDatabase, type RunningEngine, startEngine } from './engine-fixture.ts'
import { insertSpans, spanRow } from './span-rows.ts'
import { STOCK_INSERT_COLUMNS, STOCK_TABLES } from './stock-tables.ts'

let running: RunningEngine
let store: Store
beforeAll(async () => {
  running = await startEngine()
  store = createStore(running.engine.writer)
}, 60_000)
beforeEach(() => emptyDatabase(running.engine.writer))
afterAll(async () => {
  await store.close()
  await running.stop()
})

async function run(...statements: string[]): Promise<void> {
  const client = clientOf(running.engine.writer)
  for (const query of statements) await client.command({ query })
  await client.close()
}
const count = async (table: string): Promise<number> =>
  (await store.query<{ n: number }>(`SELECT count() AS n FROM ${table}`))[0]?.n ?? -1

async function insertAsExporter(ids: readonly string[]): Promise<void> {
  const client = clientOf(running.engine.writer)
  const values = ids.map((id) => {
    const row = spanRow(id)
    return STOCK_INSERT_COLUMNS.map((column) => row[column])
  })
  await client.insert({
    table: 'otel_traces',
    columns: [...STOCK_INSERT_COLUMNS] as [string, ...string[]],
    values,
    format: 'JSONCompactEachRow',
  })
  await client.close()
}

for (const form of ['present', 'coming'] as const)
  describe(`tables that the exporter made, in its ${form} form`, () => {
    const made = STOCK_TABLES[form]

    test(`stock - ${form}: they stay as they are but for what is added, and rows from before stay`, async () => {
      await run(...made)
      const key = () =>
        store.query(
          `SELECT sorting_key, primary_key, partition_key FROM system.tables WHERE database = 'holdpoint' AND name = 'otel_traces'`,
        )
      const before = await key()
      await insertAsExporter(['1'.repeat(16)])
      expect(await store.migrate()).toEqual((await readMigrations()).map(({ name }) => name))
      expect(await key()).toEqual(before)
      expect(await count('otel_traces')).toBe(1)
      const [table] = await store.query<{ statement: string }>('SHOW CREATE TABLE otel_traces')
      expect(table?.statement).toContain('non_replicated_deduplication_window = 10000')
      expect(table?.statement).toContain('toIntervalDay(9000)')
      if (form === 'coming')
        expect(table?.statement).toContain(`INDEX idx_trace_id TraceId TYPE text(tokenizer = 'array')`)
      expect(await store.schemaStatus()).toMatchObject({ isCurrent: true })
    })

    test(`stock - ${form}: the exporter goes on inserting, and our batches are stored once, in the view’s table too`, async () => {
      await run(...made)
      await store.migrate()
      await insertAsExporter(['1'.repeat(16), '2'.repeat(16)])
      const ours = [spanRow('3'.repeat(16)), spanRow('4'.repeat(16), { TraceId: 'd'.repeat(32) })]
      for (let round = 0; round < 3; round++) await insertSpans(store, ours, 'batch')
      expect(await count('otel_traces')).toBe(4)
      // One row of the exporter's block, and one for each trace of ours.
      expect(await count('otel_traces_trace_id_ts')).toBe(3)
    })

    test(`stock - ${form}: what investigators filter by is found under its short name, in rows of both`, async () => {
      await run(...made)
      await insertAsExporter(['1'.repeat(16)])
      await store.migrate()
      await insertSpans(store, [spanRow('3'.repeat(16))], 'batch')
      const columns = 'SpanId, GenAiTool, GenAiAgent, GenAiOperation, GenAiConversation, HoldpointApprovalId'
      const found = await store.query(
        `SELECT ${columns} FROM otel_traces WHERE GenAiTool = 'export_customers' ORDER BY SpanId`,
      )
      const rest = {
        GenAiTool: 'export_customers',
        GenAiAgent: 'helper',
        GenAiOperation: 'execute_tool',
        GenAiConversation: 'conv-1',
        HoldpointApprovalId: '1-abc',
      }
      expect(found).toEqual(['1', '3'].map((id) => ({ SpanId: id.repeat(16), ...rest })))
      const [plan] = await store.query<{ explain: string }>(
        `SELECT arrayStringConcat(groupArray(explain), '\\n') AS explain FROM (EXPLAIN indexes = 1 SELECT SpanId FROM otel_traces WHERE GenAiTool = 'x')`,
      )
      expect(plan?.explain).toContain('idx_span_attr_key')
    })
  })

test('stock - no column of otel_traces shows a verdict that a sender could have written', async () => {
  await store.migrate()
  const added = await store.query<{ name: string; default_expression: string }>(
    `SELECT name, default_expression FROM system.columns WHERE database = 'holdpoint' AND table = 'otel_traces' AND default_kind != ''`,
  )
  expect(added.length).toBeGreaterThan(3)
  for (const { default_expression } of added)
    expect(default_expression).not.toMatch(/verification|decision|approver|ruling|outcome|assurance/)
})

test('stock - a table of logs from an older exporter gets the column that it lacks', async () => {
  await run(...STOCK_TABLES.olderLogs)
  await store.migrate()
  const [column] = await store.query<{ type: string }>(
    `SELECT type FROM system.columns WHERE database = 'holdpoint' AND table = 'otel_logs' AND name = 'EventName'`,
  )
  expect(column).toEqual({ type: 'String' })
  expect(await store.schemaStatus()).toMatchObject({ isCurrent: true })
})

const unfit: [what: string, statements: readonly string[], message: RegExp][] = [
  [
    'attributes of type JSON',
    STOCK_TABLES.present
      .slice(0, 1)
      .map((one) =>
        one
          .replaceAll(/SpanAttributes Map\(.*?\), String\)/g, 'SpanAttributes JSON')
          .replaceAll(
            /INDEX idx_span_attr_\w+ \w+\(SpanAttributes\) TYPE bloom_filter\(0.01\) GRANULARITY 1, /g,
            '',
          ),
      ),
    /^otel_traces\.SpanAttributes is of type JSON, expected Map\(LowCardinality\(String\), String\)/,
  ],
  [
    'wider numbers',
    STOCK_TABLES.olderLogs.map((one) => one.replace('TraceFlags UInt8', 'TraceFlags UInt32')),
    /^otel_logs\.TraceFlags is of type UInt32, expected UInt8/,
  ],
  [
    'no rows of its own',
    ['CREATE TABLE otel_logs (Timestamp DateTime64(9)) ENGINE = Memory'],
    /^otel_logs has the engine Memory, and clickhouse\.cluster is not set/,
  ],
]
for (const [what, statements, message] of unfit)
  test(`stock - a table with ${what} is refused before anything is changed`, async () => {
    await run(...statements)
    await expect(store.migrate()).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      message: expect.stringMatching(message),
    })
    expect(await store.query('SHOW TABLES')).toHaveLength(1)
  })

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runProgram } from '#runtime'
import { type SeedReport, seedCommand, seedStore } from '#seed'
import { createStore, type Store } from '#store'
import { clientOf, emptyDatabase, type RunningEngine, startEngine } from '../store/engine-fixture.ts'
import { createFakeIo } from '../support/io.ts'

const OPTIONS = { spans: 2_000, seed: 7, endsAtMs: Date.UTC(2026, 10, 20, 12), incidents: [] }

let running: RunningEngine
let reader: Store
let client: ReturnType<typeof clientOf>
beforeAll(async () => {
  running = await startEngine()
  reader = createStore(running.engine.reader)
  client = clientOf(running.engine.writer)
  const store = createStore(running.engine.writer)
  await store.migrate()
  await store.close()
}, 60_000)
afterAll(async () => {
  await client.close()
  await reader.close()
  await running.stop()
})

const seed = (over: object = {}, deps = {}): Promise<SeedReport> =>
  seedStore(running.engine.writer, { ...OPTIONS, ...over }, deps)
const count = async (table: string): Promise<number | undefined> =>
  (await reader.query<{ rows: number }>(`SELECT count() AS rows FROM ${table}`))[0]?.rows

/** As somebody types it, with the engine as the configured ClickHouse. */
async function holdpointSeed(...args: string[]) {
  const { url, user, password, database } = running.engine.writer
  const env = {
    HOLDPOINT_CLICKHOUSE_URL: url,
    HOLDPOINT_CLICKHOUSE_USER: user,
    HOLDPOINT_CLICKHOUSE_PASSWORD: password,
    HOLDPOINT_CLICKHOUSE_DATABASE: database,
  }
  const io = createFakeIo({ env })
  const program = { name: 'holdpoint', version: '0', summary: '', commands: [seedCommand] }
  const code = await runProgram(program, ['seed', ...args], io)
  return { code, out: io.out(), err: io.err() }
}

describe('a store that is not to be seeded', () => {
  test.each([
    ['otel_traces', '(Timestamp, ServiceName)', "(now64(9), 'checkout')", 'of ServiceName "checkout"'],
    ['otel_logs', '(Timestamp, ServiceName)', "(now64(9), 'checkout')", 'of ServiceName "checkout"'],
    ['otel_metrics_sum', '(ServiceName)', "('checkout')", 'of ServiceName "checkout"'],
    ['otel_metrics_summary', '(ServiceName)', "('checkout')", 'of ServiceName "checkout"'],
    ['otel_metrics_exponential_histogram', '(ServiceName)', "('checkout')", 'of ServiceName "checkout"'],
    ['holdpoint_ledger', '(origin, type)', "('1', 'policy')", 'of origin "1"'],
    ['holdpoint_findings', '(trace_id, service_name)', "('a', 'checkout')", 'of service_name "checkout"'],
  ])('seed - refused is a store that holds something in %s', async (table, columns, values, what) => {
    await client.command({ query: `INSERT INTO ${table} ${columns} VALUES ${values}` })
    await expect(seed()).rejects.toThrow(`not seeded: 1 rows in ${table}, ${what}`)
    await client.command({ query: `TRUNCATE TABLE ${table}` })
    expect(await count('otel_logs')).toBe(0)
  })
})

describe('a seeded store', () => {
  let report: SeedReport
  beforeAll(async () => {
    let asked = 0
    // Before each insert: two of them are made.
    const signal = Object.defineProperty(new AbortController().signal, 'aborted', { get: () => ++asked > 2 })
    await expect(seed({}, { signal })).rejects.toThrow(/stopped/)
    expect(await count('otel_traces')).toBeGreaterThan(0)
    report = await seed()
  }, 60_000)

  test('seed - one that was stopped goes on: what the report counts is there, and once', async () => {
    for (const [table, rows] of Object.entries(report.rows))
      expect(await count(table), table).toBe(table === 'otel_logs' ? rows + 2 : rows)
    expect(report.isRepeated).toBe(false)
    expect(Math.abs((report.rows.otel_traces ?? 0) - OPTIONS.spans)).toBeLessThan(300)
  })

  test('seed - the same week again changes nothing', async () => {
    expect(await seed()).toEqual({ ...report, isRepeated: true })
    expect(await count('otel_traces')).toBe(report.rows.otel_traces)
  })

  test.each([
    { seed: 8 },
    { spans: 3_000 },
    { endsAtMs: OPTIONS.endsAtMs + 60_000 },
    { incidents: ['freeze'] as const },
  ])('seed - another week is refused where there is one: %o', async (other) => {
    await expect(seed(other)).rejects.toThrow(
      /another seeded week, of --spans 2000 --seed 7 --ends-at 2026-11-20T12:00:00.000Z --incidents none/,
    )
  })

  test('seed - the command’s report is one JSON object', async () => {
    const { code, out } = await holdpointSeed(
      ...[
        '--spans',
        '2000',
        '--seed',
        '7',
        '--ends-at',
        '2026-11-20T12:00Z',
        '--incidents',
        'none',
        '--json',
      ],
    )
    expect(code).toBe(0)
    expect(JSON.parse(out)).toEqual({ ...report, isRepeated: true })
  })

  test('seed - the command says which store it has looked at', async () => {
    const { out } = await holdpointSeed(
      ...'--spans 2000 --seed 7 --incidents none --ends-at 2026-11-20T12:00Z'.split(' '),
    )
    const { host } = new URL(running.engine.writer.url)
    expect(out).toContain(`${host}, database holdpoint holds this week already; nothing was changed.`)
  })

  test.each([
    [['--spans', 'many'], /--spans "many": expected a whole number/],
    [['--ends-at', 'soon'], /--ends-at "soon": expected a time such as/],
    [['--incidents', 'freeze,flood'], /--incidents "flood": expected all, none, or some of forged-approval/],
  ])('seed - refused is what the command cannot read: %o', async (args, message) => {
    const { code, out, err } = await holdpointSeed(...args)
    expect(code).toBe(1)
    expect(out).toBe('')
    expect(err).toMatch(message)
  })
})

test('seed - what somebody else has is looked at before anything is changed, also tables of another version', async () => {
  await emptyDatabase(running.engine.writer)
  await client.command({
    query:
      'CREATE TABLE otel_logs (Timestamp DateTime64(9), ServiceName String, ResourceAttributes Map(String, String)) ENGINE = MergeTree ORDER BY Timestamp',
  })
  await client.command({ query: "INSERT INTO otel_logs VALUES (now64(9), 'checkout', map())" })
  await expect(seed()).rejects.toThrow('not seeded: 1 rows in otel_logs')
  const tables = await reader.query('SELECT name FROM system.tables WHERE database = currentDatabase()')
  expect(tables).toEqual([{ name: 'otel_logs' }])
})

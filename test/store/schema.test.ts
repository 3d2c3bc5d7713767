import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type ClickHouseTarget, createStore, readMigrations, type Store } from '#store'
import { clientOf, emptyDatabase, type RunningEngine, startEngine } from './engine-fixture.ts'
import { insertSpans, spanRow } from './span-rows.ts'

let running: RunningEngine
let store: Store
beforeAll(async () => {
  running = await startEngine()
  store = createStore(running.engine.writer)
}, 60_000)
afterAll(async () => {
  await store.close()
  await running.stop()
})

const empty = (): Promise<void> => emptyDatabase(running.engine.writer)
const names = async (): Promise<string[]> => (await readMigrations()).map(({ name }) => name)
const run = async (query: string): Promise<void> => {
  const client = clientOf(running.engine.writer, { mutations_sync: '2' })
  await client.command({ query }).finally(() => client.close())
}
const definition = async (table: string): Promise<string> =>
  (
    await store.query<{ engine_full: string }>(
      `SELECT engine_full FROM system.tables WHERE database = 'holdpoint' AND name = {table:String}`,
      { table },
    )
  )[0]?.engine_full ?? ''

const recorded = (): Promise<number> =>
  store.query('SELECT 1 FROM holdpoint_migrations').then(
    (rows) => rows.length,
    () => 0,
  )

function startMigrating(target: ClickHouseTarget) {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, 'migrating-process.ts'), JSON.stringify(target)],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  const ended = Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)])
  return {
    kill: () => child.kill('SIGKILL'),
    ended: ended.then(([[code], out, err]) => ({ code, out, err })),
  }
}

describe('several processes', () => {
  beforeEach(empty)

  test('schema - eight that migrate at once, three of them killed on the way, leave one current schema', async () => {
    const processes = Array.from({ length: 8 }, () => startMigrating(running.engine.writer))
    try {
      for (const [at, { kill }] of processes.slice(0, 3).entries()) {
        // In the middle: some migrations stand in the record, and others do not.
        await expect.poll(recorded, { timeout: 90_000, interval: 5 }).toBeGreaterThan(at)
        kill()
      }
      for (const { ended } of processes.slice(3)) expect(await ended).toMatchObject({ code: 0, err: '' })
    } finally {
      for (const { kill } of processes) kill()
      await Promise.all(processes.map(({ ended }) => ended))
    }
    expect(await store.migrate()).toEqual([])
    expect(await store.schemaStatus()).toMatchObject({ isCurrent: true, applied: await names(), missing: [] })
    const tables = await store.query<{ name: string }>(
      `SELECT name FROM system.tables WHERE database = 'holdpoint' ORDER BY name`,
    )
    expect(tables.filter(({ name }) => /tmp|inner|_local/.test(name))).toEqual([])
  }, 150_000)

  test('schema - every statement can run twice', async () => {
    for (const { statements } of await readMigrations())
      for (const statement of statements) {
        await run(statement)
        await run(statement)
      }
    expect(await store.migrate()).toEqual(await names())
  })

  test('schema - whatever was done when a process was killed, the next one goes on from there', async () => {
    const statements = (await readMigrations()).flatMap((migration) => migration.statements)
    for (const statement of statements.slice(0, Math.ceil(statements.length / 2))) await run(statement)
    expect(await store.migrate()).toEqual(await names())
    expect(await store.schemaStatus()).toMatchObject({ isCurrent: true })
  })
})

describe('what is refused', () => {
  beforeEach(empty)

  test('schema - a store with a migration that was edited since', async () => {
    await store.migrate()
    await run(`ALTER TABLE holdpoint_migrations UPDATE sha256 = 'another' WHERE version = 2`)
    for (const attempt of [store.migrate, store.schemaStatus])
      await expect(attempt()).rejects.toMatchObject({
        code: 'INTERNAL',
        message: 'migration 002-ledger was changed after it had been applied: add a new one',
      })
  })

  test('schema - a store of a newer version', async () => {
    await store.migrate()
    await run(`INSERT INTO holdpoint_migrations (version, name, sha256) VALUES (999, '999-future', 'x')`)
    await expect(store.migrate()).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('999-future, which this version of Holdpoint does not know'),
    })
  })

  test('schema - a user that may not create tables is told what to do, and starts once the schema is current', async () => {
    const reader = createStore(running.engine.reader)
    await expect(reader.migrate()).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      message: expect.stringMatching(
        /^the schema is behind \(001-traces, .*the user holdpoint_reader may not.*`holdpoint schema migrate`/,
      ),
    })
    await store.migrate()
    expect(await reader.migrate()).toEqual([])
    await expect(reader.migrate({ ttlDays: { logs: 3 } })).rejects.toMatchObject({
      message: expect.stringContaining('ALTER TABLE otel_logs MODIFY TTL'),
    })
    await reader.close()
  })

  test('schema - a cluster that the server does not know', async () => {
    await expect(store.migrate({ cluster: 'main' })).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      message: 'clickhouse.cluster is main, which the server does not know; it knows none',
    })
    expect(await store.query('SHOW TABLES')).toEqual([])
  })

  test('schema - tables of one server when a cluster is configured, with what makes them its own', async () => {
    await store.migrate()
    await expect(store.migrate({ cluster: 'main' })).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      message: expect.stringContaining(
        'RENAME TABLE holdpoint_activity TO holdpoint_activity_local ON CLUSTER main',
      ),
    })
  })

  test('schema - tables of a cluster when none is configured', async () => {
    await run('CREATE TABLE otel_logs_local (a UInt8) ENGINE = MergeTree ORDER BY a')
    await expect(store.migrate()).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      message: 'otel_logs_local belongs to a cluster, and clickhouse.cluster is not set',
    })
  })
})

test('schema - a file is read as its statements, without comments, whatever they hold', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'holdpoint-sql-'))
  await writeFile(join(folder, '002-b.sql'), `-- about; it\nSELECT 'a;b';\n\nSELECT\n  -- inner\n  2;\n`)
  await writeFile(join(folder, '001-a.sql'), 'SELECT 1;\n')
  await writeFile(join(folder, 'README.md'), 'no migration')
  const found = await readMigrations(pathToFileURL(`${folder}/`))
  await writeFile(join(folder, '002-c.sql'), 'SELECT 3;\n')
  await expect(readMigrations(pathToFileURL(`${folder}/`))).rejects.toMatchObject({
    code: 'INTERNAL',
    message: 'two migrations have the number of 002-c.sql',
  })
  await rm(folder, { recursive: true })
  expect(found.map(({ version, name, statements }) => [version, name, statements])).toEqual([
    [1, '001-a', ['SELECT 1']],
    [2, '002-b', [`SELECT 'a;b'`, 'SELECT\n  2']],
  ])
})

describe('tables that are there', () => {
  // What each of them needs it makes itself: making all of them anew is most of what a test would take.
  beforeAll(async () => {
    await empty()
    await store.migrate()
  })

  test('schema - every table remembers its last 10,000 batches, whoever made it', async () => {
    await store.migrate()
    for (const table of [
      'otel_traces',
      'otel_traces_trace_id_ts',
      'otel_logs',
      'otel_metrics_sum',
      'holdpoint_ledger',
      'holdpoint_findings',
      'holdpoint_activity',
    ])
      expect(await definition(table)).toContain('non_replicated_deduplication_window = 10000')
    await run('ALTER TABLE otel_logs RESET SETTING non_replicated_deduplication_window')
    expect(await store.schemaStatus()).toMatchObject({
      isCurrent: false,
      missing: [],
      alterations: ['ALTER TABLE otel_logs MODIFY SETTING non_replicated_deduplication_window = 10000'],
    })
    expect(await store.migrate()).toEqual([])
    expect(await definition('otel_logs')).toContain('non_replicated_deduplication_window = 10000')
  })

  describe('how long rows are kept', () => {
    const DAYS = { traces: 30, logs: 7, metrics: 400, findings: 1000 }
    const ends = async (): Promise<Record<string, string>> => {
      const tables = await store.query<{ name: string; engine_full: string }>(
        `SELECT name, engine_full FROM system.tables WHERE database = 'holdpoint' AND engine LIKE '%MergeTree'`,
      )
      return Object.fromEntries(
        tables.flatMap(({ name, engine_full }) => {
          const [, end] = / TTL (.*?)(?: SETTINGS |$)/.exec(engine_full) ?? []
          return end === undefined ? [] : [[name, end]]
        }),
      )
    }

    test('schema - as configured, in every table that has an end; the ledger has none', async () => {
      await store.migrate({ ttlDays: DAYS })
      const found = await ends()
      expect(found).toMatchObject({
        otel_traces: 'toDateTime(Timestamp) + toIntervalDay(30)',
        otel_traces_trace_id_ts: 'toDateTime(Start) + toIntervalDay(30)',
        otel_logs: 'toDateTime(Timestamp) + toIntervalDay(7)',
        otel_metrics_sum: 'toDateTime(TimeUnix) + toIntervalDay(400)',
        holdpoint_findings: 'toDateTime(judged_at) + toIntervalDay(1000)',
        holdpoint_activity: 'toDateTime(judged_at) + toIntervalDay(1000)',
      })
      expect(found).not.toHaveProperty('holdpoint_ledger')
      expect(Object.keys(found)).toHaveLength(10)
      expect(await definition('otel_logs')).toContain('ttl_only_drop_parts = 1')
      expect(await store.schemaStatus({ ttlDays: DAYS })).toMatchObject({ isCurrent: true })
    })

    test('schema - another number of days is applied at the next start, and 0 takes the end away', async () => {
      await store.migrate({ ttlDays: DAYS })
      expect((await store.schemaStatus({ ttlDays: { ...DAYS, logs: 8 } })).alterations).toEqual([
        'ALTER TABLE otel_logs MODIFY TTL toDateTime(Timestamp) + toIntervalDay(8)',
      ])
      await store.migrate({ ttlDays: { logs: 8, traces: 0 } })
      const found = await ends()
      expect(found).toMatchObject({ otel_logs: 'toDateTime(Timestamp) + toIntervalDay(8)' })
      expect(found).not.toHaveProperty('otel_traces')
      expect(found).not.toHaveProperty('otel_traces_trace_id_ts')
    })

    test('schema - an end that somebody set by hand stays, as long as nothing is configured', async () => {
      await store.migrate()
      await run('ALTER TABLE otel_logs MODIFY TTL toDateTime(Timestamp) + INTERVAL 2 MONTH')
      await store.migrate()
      await store.migrate({ ttlDays: { traces: 3 } })
      expect(await ends()).toMatchObject({ otel_logs: 'toDateTime(Timestamp) + toIntervalMonth(2)' })
    })

    test('schema - a rule that does more than delete is not replaced', async () => {
      await store.migrate()
      await run(
        `ALTER TABLE otel_logs MODIFY TTL toDateTime(Timestamp) + INTERVAL 2 MONTH DELETE WHERE SeverityNumber < 9`,
      )
      await expect(store.migrate({ ttlDays: { logs: 7 } })).rejects.toMatchObject({
        code: 'INVALID_CONFIG',
        message: expect.stringMatching(
          /^otel_logs has a TTL that does more than delete \(.*WHERE SeverityNumber < 9\)/,
        ),
      })
      await store.migrate({ ttlDays: { traces: 7 } })
      await run('ALTER TABLE otel_logs REMOVE TTL')
    })

    test('schema - a span that dates itself back loses its place, and its finding does not', async () => {
      await store.migrate({ ttlDays: { traces: 30, findings: 30 } })
      await insertSpans(store, [spanRow('a'.repeat(16), { Timestamp: '1000000000.000000000' })], 'old')
      await run(
        `INSERT INTO holdpoint_findings (trace_id, span_id, timestamp, judged_at) SELECT 'a', 'a', toDateTime64(1000000000, 9), now64(3)`,
      )
      const [found] = await store.query(
        `SELECT (SELECT count() FROM otel_traces) AS spans, (SELECT count() FROM holdpoint_findings) AS findings`,
      )
      expect(found).toEqual({ spans: 0, findings: 1 })
    })
  })
})

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runProgram } from '#runtime'
import { schemaCommands } from '#store'
import { createFakeIo } from '../support/io.ts'
import { type NativeEngine, startNativeEngine } from './native-engine.ts'

async function print(...args: string[]): Promise<string[]> {
  const io = createFakeIo({ cwd: '/tmp' })
  const program = { name: 'holdpoint', version: '0', summary: '', commands: schemaCommands }
  expect(await runProgram(program, ['schema', 'print', ...args], io)).toBe(0)
  return io
    .out()
    .replaceAll(/^--.*\n/gm, '')
    .split(/;\n/)
    .map((one) => one.trim())
    .filter((one) => one !== '')
}

/** The roles that are printed, as the embedded engine takes roles: out of its configuration. */
let engine: NativeEngine
let printed: string[]
beforeAll(async () => {
  printed = await print('--users')
  const grants = printed.flatMap((one) => {
    const [, grant, role] = /^GRANT (.* ON .*) TO (\w+)$/.exec(one) ?? []
    return grant && role ? [{ role, grant }] : []
  })
  const names = [...new Set(grants.map(({ role }) => role))]
  const xml = (name: string) =>
    `<${name}><grants>${grants
      .filter(({ role }) => role === name)
      .map(({ grant }) => `<query>GRANT ${grant}</query>`)
      .join('')}</grants></${name}>`
  engine = await startNativeEngine({
    roles: `<roles>${names.map(xml).join('')}</roles>`,
    grants: `<query>GRANT ${names.join(', ')}</query>`,
  })
  // The migrator makes everything, with what it was granted and no more.
  await as('holdpoint_migrator', ...(await print()))
}, 60_000)
afterAll(() => engine?.stop())

const as = (role: string, ...statements: string[]): Promise<string> =>
  engine.run(`SET ROLE ${role}`, ...statements)

const SPAN = `INSERT INTO holdpoint.otel_traces (Timestamp, TraceId, SpanId) VALUES (now64(9), 't', 's')`
const LOG = `INSERT INTO holdpoint.otel_logs (Timestamp, Body) VALUES (now64(9), 'b')`
const METRIC = `INSERT INTO holdpoint.otel_metrics_sum (MetricName, TimeUnix) VALUES ('m', now())`
const FINDING = `INSERT INTO holdpoint.holdpoint_findings (trace_id, span_id, verification, judged_at) VALUES ('t', 's', 'verified', now64(3))`
const LEDGER = `INSERT INTO holdpoint.holdpoint_ledger (origin, ledger_index) VALUES ('1', 0)`
const READ = `SELECT any(SpanAttributes) FROM holdpoint.otel_traces`

const MAY: Record<string, [allowed: string[], refused: string[]]> = {
  holdpoint_pipeline: [
    [
      SPAN,
      LOG,
      METRIC,
      FINDING,
      LEDGER,
      'SELECT count() FROM holdpoint.holdpoint_findings',
      'SELECT count() FROM holdpoint.holdpoint_ledger',
      'SELECT count() FROM holdpoint.holdpoint_migrations',
    ],
    [
      READ,
      'SELECT count() FROM holdpoint.otel_logs',
      `INSERT INTO holdpoint.holdpoint_migrations (version) VALUES (999)`,
      'ALTER TABLE holdpoint.holdpoint_findings DELETE WHERE 1',
      'ALTER TABLE holdpoint.otel_traces MODIFY TTL toDateTime(Timestamp) + toIntervalDay(1)',
      'TRUNCATE TABLE holdpoint.holdpoint_ledger',
      'DROP TABLE holdpoint.holdpoint_ledger',
      'CREATE TABLE holdpoint.mine (a UInt8) ENGINE = MergeTree ORDER BY a',
      'CREATE VIEW holdpoint.mine AS SELECT 1',
      `SELECT * FROM url('http://127.0.0.1:1/', CSV, 'a String')`,
    ],
  ],
  holdpoint_collector: [
    [SPAN, LOG, METRIC, 'DESCRIBE TABLE holdpoint.otel_traces'],
    [
      READ,
      FINDING,
      LEDGER,
      'SELECT count() FROM holdpoint.holdpoint_findings',
      'SELECT count() FROM holdpoint.holdpoint_actions',
      `INSERT INTO holdpoint.holdpoint_activity (trace_id, verification) VALUES ('t', 'verified')`,
      'ALTER TABLE holdpoint.otel_traces ADD COLUMN verdict String',
      'DROP TABLE holdpoint.otel_traces',
      'CREATE DATABASE other',
    ],
  ],
  holdpoint_reader: [
    [
      READ,
      'SELECT count() FROM holdpoint.holdpoint_actions',
      'SELECT count() FROM holdpoint.holdpoint_actions_between(from_ms = 0, to_ms = 1)',
      'SELECT count() FROM holdpoint.holdpoint_held_between(from_ms = 0, to_ms = 1)',
      `SELECT count() FROM holdpoint.holdpoint_actions_of_trace(trace_id = 't')`,
      'SELECT count() FROM holdpoint.holdpoint_requests',
      'SELECT count() FROM holdpoint.holdpoint_reviews',
      'SELECT count() FROM holdpoint.holdpoint_activity',
      'SHOW TABLES FROM holdpoint',
    ],
    [
      SPAN,
      FINDING,
      LEDGER,
      `INSERT INTO holdpoint.holdpoint_activity (trace_id, verification) VALUES ('t', 'verified')`,
      'ALTER TABLE holdpoint.otel_traces ADD COLUMN verdict String',
      `SELECT * FROM file('/etc/passwd', LineAsString)`,
    ],
  ],
}

for (const [role, [allowed, refused]] of Object.entries(MAY))
  describe(role, () => {
    for (const statement of allowed)
      test(`users - ${role} may: ${statement.slice(0, 60)}`, () =>
        expect(as(role, statement)).resolves.toBeTypeOf('string'))
    for (const statement of refused)
      test(`users - ${role} may not: ${statement.slice(0, 70)}`, () =>
        expect(as(role, statement)).rejects.toThrow('ACCESS_DENIED'))
  })

test('users - what the pipeline writes reaches the table behind the view, which it may not write itself', async () => {
  expect(
    await as(
      'holdpoint_reader',
      `SELECT count() > 0 FROM holdpoint.otel_traces_trace_id_ts WHERE TraceId = 't'`,
    ),
  ).toBe('1')
  expect(
    await as('holdpoint_reader', `SELECT count() > 0 FROM holdpoint.holdpoint_activity WHERE trace_id = 't'`),
  ).toBe('1')
})

test('users - each has a role of its own, and a password that nobody has seen before', async () => {
  const users = printed.filter((one) => one.startsWith('CREATE USER'))
  expect(users).toHaveLength(4)
  const again = (await print('--users')).filter((one) => one.startsWith('CREATE USER'))
  const passwords = [...users, ...again].map((one) => /BY '([\w-]{32})' DEFAULT ROLE/.exec(one)?.[1])
  expect(new Set(passwords).size).toBe(8)
  expect(printed).toContain(
    'CREATE ROLE IF NOT EXISTS holdpoint_reader SETTINGS readonly = 2, max_execution_time = 60 MAX 300, max_memory_usage = 4000000000 MAX 16000000000',
  )
})

test('users - every statement is one that the engine’s own parser takes, on a cluster too', async () => {
  for (const statement of [...printed, ...(await print('--users', '--cluster', 'main'))])
    await engine.run(`SELECT formatQuery('${statement.replaceAll(/['\\]/g, '\\$&')}')`)
})

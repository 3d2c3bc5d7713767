import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Place, readMigrations, renderStatement } from '#store'
import { type NativeEngine, startNativeEngine } from './native-engine.ts'

/**
 * No server is here, and the embedded engine takes part in no cluster: it has no port that others could fetch
 * parts from, so replicated tables stay read-only in it, and nothing that would carry out ON CLUSTER. So every
 * statement is read by the engine’s own parser as it is, and carried out without these two words: tables behind
 * public names, in a cluster of one shard, written to and read with everything else that a cluster has.
 */
const PLACE: Place = { database: 'holdpoint', cluster: 'main' }
const CLUSTER = `<tcp_port>9000</tcp_port><macros><shard>01</shard><replica>a</replica></macros>
  <remote_servers><main><shard><internal_replication>true</internal_replication>
  <replica><host>127.0.0.1</host><port>9000</port></replica></shard></main></remote_servers>`

const alone = (statement: string): string =>
  statement
    .replaceAll(' ON CLUSTER `main`', '')
    .replaceAll(/Replicated(\w*MergeTree)\('[^']*', '\{replica\}'(?:, )?/g, '$1(')

let engine: NativeEngine
let rendered: string[]
beforeAll(async () => {
  rendered = (await readMigrations()).flatMap(({ statements }) =>
    statements.flatMap((statement) => renderStatement(statement, PLACE)),
  )
  engine = await startNativeEngine({ config: CLUSTER })
  await engine.run('CREATE DATABASE holdpoint', 'USE holdpoint', ...rendered.map(alone))
}, 60_000)
afterAll(() => engine?.stop())

const ask = (...statements: string[]): Promise<string> => engine.run('USE holdpoint', ...statements)
const settings = (token: string) =>
  `distributed_foreground_insert = 1, insert_deduplicate = 1, insert_deduplication_token = '${token}', deduplicate_blocks_in_dependent_materialized_views = 1`
const insertSpans = (token: string) =>
  ask(
    `INSERT INTO otel_traces (Timestamp, TraceId, SpanId, SpanAttributes) SETTINGS ${settings(token)}
     SELECT toDateTime64(1800000000 + number, 9), concat('t', toString(number % 10)), toString(number), map('gen_ai.tool.name', 'x') FROM numbers(100)`,
  )

describe('statements', () => {
  test('cluster - each is one that the engine’s own parser takes, and goes to the whole cluster', async () => {
    expect(rendered.length).toBeGreaterThan(30)
    for (const statement of rendered) {
      // Rows are spread by the tables themselves.
      if (!statement.startsWith('INSERT INTO')) expect(statement).toContain(' ON CLUSTER `main`')
      await engine.run(`SELECT formatQuery('${statement.replaceAll(/['\\]/g, '\\$&')}')`)
    }
  })

  test('cluster - every table is replicated within its shard, under the usual macros, behind its public name', () => {
    const tables = rendered.filter((one) => one.startsWith('CREATE TABLE'))
    const locals = tables.filter((one) => one.includes('_local ON CLUSTER'))
    expect(locals.length).toBe(tables.length / 2)
    for (const statement of locals)
      expect(statement).toMatch(
        /ENGINE = Replicated\w*MergeTree\('\/clickhouse\/tables\/\{shard\}\/\{database\}\/\{table\}', '\{replica\}'/,
      )
  })

  test('cluster - replacing tables keep what they replace by', () => {
    const [findings] = rendered.filter((one) => one.includes('holdpoint_findings_local ON CLUSTER'))
    expect(findings).toContain(`'{replica}', judged_at)`)
  })

  test('cluster - a view that calls one with parameters names the database of that', () => {
    const [call] = renderStatement('CREATE OR REPLACE VIEW a AS SELECT * FROM holdpoint_b(c = 0)', PLACE)
    expect(call).toBe(
      'CREATE OR REPLACE VIEW a ON CLUSTER `main` AS SELECT * FROM `holdpoint`.holdpoint_b(c = 0)',
    )
    const [alike] = renderStatement('INSERT INTO a SELECT b FROM holdpoint_c', PLACE)
    expect(alike).toBe('INSERT INTO a SELECT b FROM holdpoint_c')
  })

  const refused = [
    'RENAME TABLE a TO b',
    'EXCHANGE TABLES a AND b',
    'CREATE TABLE IF NOT EXISTS otel_unheard_of (a UInt8) ENGINE = MergeTree ORDER BY a',
    'CREATE TABLE otel_logs (a UInt8) ENGINE = MergeTree ORDER BY a',
    'SYSTEM FLUSH LOGS',
  ]
  for (const statement of refused)
    test(`cluster - what it cannot be given is refused: ${statement}`, () => {
      expect(() => renderStatement(statement, PLACE)).toThrow(/cluster|shard/)
      expect(renderStatement(statement, { database: 'holdpoint' })).toEqual([statement])
    })
})

describe('rows', () => {
  test('cluster - a batch that is sent again is stored once, in the table behind the view too', async () => {
    for (let round = 0; round < 3; round++) await insertSpans('one')
    expect(await ask('SELECT count() FROM otel_traces')).toBe('100')
    expect(await ask('SELECT count() FROM otel_traces_local')).toBe('100')
    expect(await ask('SELECT count() FROM otel_traces_trace_id_ts')).toBe('10')
    await insertSpans('another')
    expect(await ask('SELECT count() FROM otel_traces')).toBe('200')
  })

  test('cluster - short names are there under the public name', async () => {
    await insertSpans('one')
    expect(await ask(`SELECT count() > 0 FROM otel_traces WHERE GenAiTool = 'x'`)).toBe('1')
  })

  test('cluster - the actions come out of ledger and findings of all shards', async () => {
    await ask(
      `INSERT INTO holdpoint_ledger (origin, ledger_index, type, request_id, agent_sub, trace_id, span_id, name, at) SETTINGS ${settings('l')}
       VALUES ('1', 0, 'requested', 'r1', 'agent-1', 't', 's', 'export', now64(3))`,
      `INSERT INTO holdpoint_findings (trace_id, span_id, request_id, verification, judged_at) SETTINGS ${settings('f')}
       VALUES ('t', 's', 'r1', 'verified', now64(3))`,
    )
    const actions = [
      'holdpoint_actions',
      'holdpoint_actions_between(from_ms = 1700000000000, to_ms = 9999999999999)',
      'holdpoint_held_between(from_ms = 1700000000000, to_ms = 9999999999999)',
      `holdpoint_actions_of_trace(trace_id = 't')`,
    ]
    for (const view of actions)
      expect(await ask(`SELECT name, verification FROM ${view}`)).toBe('export\tverified')
    expect(await ask('SELECT name, state FROM holdpoint_requests')).toBe('export\tpending')
    expect(await ask('SELECT count() FROM holdpoint_reviews')).toBe('0')
    expect(await ask('SELECT count() FROM holdpoint_activity_local')).toBe('1')
  })

  test('cluster - which shard a row belongs on depends on the row alone', async () => {
    const keys = rendered.flatMap(
      (one) => /ENGINE = Distributed\('main', 'holdpoint', '(\w+)_local', (.*)\)$/.exec(one)?.slice(1) ?? [],
    )
    expect(keys.length).toBeGreaterThan(18)
    for (let at = 0; at < keys.length; at += 2) {
      const [table, key] = [keys[at], keys[at + 1]]
      expect(key).not.toMatch(/rand|now|rowNumber|hostName|generate/)
      await ask(`SELECT ${key} FROM ${table}_local LIMIT 0`)
    }
  })
})

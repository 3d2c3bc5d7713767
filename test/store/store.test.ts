import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Digest, encodeEntry, type LedgerEntry } from '#contract'
import {
  createStore,
  type FindingRow,
  type LedgerRow,
  SPAN_COLUMNS,
  type SpanRow,
  type Store,
  toLedgerRow,
  unixNanoText,
} from '#store'
import { type RunningEngine, startEngine } from './engine-fixture.ts'

let running: RunningEngine
let store: Store
let reader: Store
beforeAll(async () => {
  running = await startEngine()
  store = createStore(running.engine.writer)
  reader = createStore(running.engine.reader)
  await store.migrate()
}, 30_000)
afterAll(async () => {
  await store.close()
  await reader.close()
  await running.stop()
})

const START = 1_790_000_000_123_456_789n
const spanRow = (spanId: string, more: Partial<SpanRow> = {}): SpanRow => ({
  Timestamp: unixNanoText(START),
  TraceId: 'a'.repeat(32),
  SpanId: spanId,
  ParentSpanId: '',
  TraceState: '',
  SpanName: 'execute_tool export_customers',
  SpanKind: 'Internal',
  ServiceName: 'agent',
  ResourceAttributes: { 'service.name': 'agent' },
  ScopeName: 'holdpoint',
  ScopeVersion: '1',
  SpanAttributes: { 'gen_ai.tool.name': 'export_customers', odd: 'tab\t quote\' "double" \\ \u2028 ü' },
  Duration: '18446744073709551615',
  StatusCode: 'Ok',
  StatusMessage: '',
  'Events.Timestamp': [unixNanoText(START + 1n)],
  'Events.Name': ['waiting'],
  'Events.Attributes': [{ k: 'v' }],
  'Links.TraceId': [],
  'Links.SpanId': [],
  'Links.TraceState': [],
  'Links.Attributes': [],
  ...more,
})
const count = async (table: string, where = '1'): Promise<number> =>
  (await reader.query<{ n: number }>(`SELECT count() AS n FROM ${table} WHERE ${where}`))[0]?.n ?? -1

describe('the schema', () => {
  test('store - otel_traces has the columns, types and order of the Collector’s exporter', async () => {
    const columns = await reader.query<{ name: string; type: string; compression_codec: string }>(
      `SELECT name, type, compression_codec FROM system.columns WHERE table = 'otel_traces' AND database = 'holdpoint' ORDER BY position`,
    )
    const map = 'Map(LowCardinality(String), String)'
    const types = [
      ['Timestamp', 'DateTime64(9)', 'CODEC(Delta(8), ZSTD(1))'],
      ...['TraceId', 'SpanId', 'ParentSpanId', 'TraceState'].map((name) => [name, 'String']),
      ...['SpanName', 'SpanKind', 'ServiceName'].map((name) => [name, 'LowCardinality(String)']),
      ['ResourceAttributes', map],
      ['ScopeName', 'String'],
      ['ScopeVersion', 'String'],
      ['SpanAttributes', map],
      ['Duration', 'UInt64'],
      ['StatusCode', 'LowCardinality(String)'],
      ['StatusMessage', 'String'],
      ['Events.Timestamp', 'Array(DateTime64(9))'],
      ['Events.Name', 'Array(LowCardinality(String))'],
      ['Events.Attributes', `Array(${map})`],
      ...['TraceId', 'SpanId', 'TraceState'].map((name) => [`Links.${name}`, 'Array(String)']),
      ['Links.Attributes', `Array(${map})`],
    ]
    expect(columns.map(({ name, type, compression_codec }) => [name, type, compression_codec])).toEqual(
      types.map(([name, type, codec = 'CODEC(ZSTD(1))']) => [name, type, codec]),
    )
    expect(columns.map(({ name }) => name)).toEqual([...SPAN_COLUMNS])
  })

  test('store - engines, partitions, sorting keys, indices and the view are the exporter’s', async () => {
    const tables = await reader.query(
      `SELECT name, engine, partition_key, sorting_key FROM system.tables WHERE name LIKE 'otel_traces%' AND database = 'holdpoint' ORDER BY name`,
    )
    expect(tables).toEqual([
      {
        name: 'otel_traces',
        engine: 'MergeTree',
        partition_key: 'toDate(Timestamp)',
        sorting_key: 'ServiceName, SpanName, toDateTime(Timestamp)',
      },
      {
        name: 'otel_traces_trace_id_ts',
        engine: 'MergeTree',
        partition_key: 'toDate(Start)',
        sorting_key: 'TraceId, Start',
      },
      { name: 'otel_traces_trace_id_ts_mv', engine: 'MaterializedView', partition_key: '', sorting_key: '' },
    ])
    const [made] = await reader.query<{ statement: string }>('SHOW CREATE TABLE otel_traces')
    expect(made?.statement).toContain(
      'SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1, non_replicated_deduplication_window = 1000',
    )
    for (const index of [
      'idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1',
      'idx_res_attr_key mapKeys(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1',
      'idx_res_attr_value mapValues(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1',
      'idx_span_attr_key mapKeys(SpanAttributes) TYPE bloom_filter(0.01) GRANULARITY 1',
      'idx_span_attr_value mapValues(SpanAttributes) TYPE bloom_filter(0.01) GRANULARITY 1',
      'idx_duration Duration TYPE minmax GRANULARITY 1',
    ])
      expect(made?.statement).toContain(`INDEX ${index}`)
  })

  test('store - migrations run once, and the second time apply nothing', async () => {
    expect(await store.migrate()).toEqual([])
    expect(await count('holdpoint_migrations')).toBe(4)
  })

  test('store - a store that is newer than the program is refused', async () => {
    const { clientOf } = await import('./engine-fixture.ts')
    const client = clientOf(running.engine.writer)
    const values = [{ version: 999, name: '999-future', sha256: 'x' }]
    await client.insert({ table: 'holdpoint_migrations', values, format: 'JSONEachRow' })
    await expect(store.migrate()).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('999-future'),
    })
    await client.command({
      query: 'ALTER TABLE holdpoint_migrations DELETE WHERE version = 999',
      clickhouse_settings: { mutations_sync: '2' },
    })
    await client.close()
  })
})

describe('spans', () => {
  test('store - a span comes back as it went in, nanoseconds and odd characters included', async () => {
    await store.insertSpans([spanRow('1'.repeat(16))], 'one span')
    const columns = `toString(toUnixTimestamp64Nano(Timestamp)) AS at, SpanAttributes, toString(Duration) AS d, Events.Name, SpanKind`
    const rows = await reader.query(`SELECT ${columns} FROM otel_traces WHERE SpanId = {id:String}`, {
      id: '1'.repeat(16),
    })
    expect(rows).toEqual([
      {
        at: START.toString(),
        SpanAttributes: { 'gen_ai.tool.name': 'export_customers', odd: 'tab\t quote\' "double" \\ \u2028 ü' },
        d: '18446744073709551615',
        'Events.Name': ['waiting'],
        SpanKind: 'Internal',
      },
    ])
  })

  test('store - a batch that is sent again is stored once, in the table behind the view too', async () => {
    const trace = 'b'.repeat(32)
    const batch = Array.from({ length: 500 }, (_, at) =>
      spanRow(at.toString(16).padStart(16, '0'), {
        TraceId: trace,
        Timestamp: unixNanoText(START + BigInt(at % 2) * 86_400_000_000_000n),
      }),
    )
    for (let round = 0; round < 3; round++) await store.insertSpans(batch, 'batch b')
    expect(await count('otel_traces', `TraceId = '${trace}'`)).toBe(500)
    const summaries = await count('otel_traces_trace_id_ts', `TraceId = '${trace}'`)
    await store.insertSpans(batch, 'batch b')
    expect(await count('otel_traces_trace_id_ts', `TraceId = '${trace}'`)).toBe(summaries)
    expect(summaries).toBeLessThanOrEqual(2)
  })

  test('store - the same rows under another token are another batch', async () => {
    const rows = [spanRow('2'.repeat(16), { TraceId: 'c'.repeat(32) })]
    await store.insertSpans(rows, 'first')
    await store.insertSpans(rows, 'second')
    expect(await count('otel_traces', `TraceId = '${'c'.repeat(32)}'`)).toBe(2)
  })

  test('store - no rows are no insert', async () => {
    await expect(store.insertSpans([], 'none')).resolves.toBeUndefined()
  })
})

describe('errors', () => {
  test('store - a row that does not fit is permanent, and none of its batch is stored', async () => {
    const bad = { ...spanRow('3'.repeat(16)), Duration: 'long' }
    await expect(store.insertSpans([spanRow('4'.repeat(16)), bad], 'bad')).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      retryable: false,
    })
    expect(await count('otel_traces', `SpanId = '${'4'.repeat(16)}'`)).toBe(0)
  })

  test('store - the reader may not insert', async () => {
    await expect(reader.insertSpans([spanRow('5'.repeat(16))], 'x')).rejects.toMatchObject({
      code: 'INVALID_INPUT',
    })
    expect(await count('otel_traces', `SpanId = '${'5'.repeat(16)}'`)).toBe(0)
  })

  test('store - a ClickHouse that is not there is worth another try', async () => {
    const nowhere = createStore({ ...running.engine.writer, url: 'http://127.0.0.1:1' })
    await expect(nowhere.query('SELECT 1')).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true })
    expect(await nowhere.ping()).toBe(false)
    await nowhere.close()
  })
})

const digest = (char: string): Digest => `sha-256:${char.repeat(64)}` as Digest
const T0 = 1_790_000_000_000
const trace = (char: string) => ({ traceId: char.repeat(32), spanId: char.repeat(16) })
const approver = (sub: string) => ({
  iss: 'https://idp',
  sub,
  name: sub.toUpperCase(),
  assurance: 'login' as const,
  channel: 'cli',
  evidence: digest('e'),
})

function requested(requestId: string, char: string, more: object = {}): LedgerEntry {
  return {
    type: 'requested',
    at: T0,
    requestId,
    actionDigest: digest(char),
    agent: { iss: 'hp', sub: 'agent-1', name: 'billing-bot' },
    owner: { iss: 'https://idp', sub: 'olga' },
    environment: 'prod',
    enforcement: 'in-process:billing',
    onBehalfOf: [{ iss: 'https://idp', sub: 'uma' }],
    kind: 'tool',
    name: 'export_customers',
    process: 'p1',
    trace: trace(char),
    ruling: { effect: 'hold', rule: 'export', policyVersion: 3, policyHash: digest('f') },
    approvals: { from: ['sre'], threshold: 2, assurance: 'login' },
    expiresAt: T0 + 900_000,
    validForMs: 60_000,
    renderHash: digest('d'),
    ...more,
  }
}

const entries = new Map<number, LedgerEntry>()
function ledgerRows(first: number, list: LedgerEntry[]): LedgerRow[] {
  return list.map((entry, at) => {
    entries.set(first + at, entry)
    return toLedgerRow(entry, {
      origin: 'e1',
      index: first + at,
      leafHash: (first + at).toString(16).padStart(64, '0'),
      statement: encodeEntry(entry),
    })
  })
}

const finding = (char: string, more: Partial<FindingRow> = {}): FindingRow => ({
  trace_id: char.repeat(32),
  span_id: char.repeat(16),
  timestamp: unixNanoText(START),
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
  verification: 'missing',
  detail: '',
  judged_at: T0,
  ...more,
})

describe('the ledger and the actions', () => {
  const common = (requestId: string, char: string) => ({ requestId, actionDigest: digest(char) })

  beforeAll(async () => {
    const rows = ledgerRows(0, [
      { type: 'policy', at: T0 - 1, version: 3, hash: digest('f'), observes: false },
      requested('e1.r1', '1'),
      {
        type: 'review',
        at: T0 + 10,
        ...common('e1.r1', '1'),
        reviewer: approver('ana'),
        verdict: 'approve',
        renderHash: digest('d'),
      },
      {
        type: 'decided',
        at: T0 + 4_200,
        ...common('e1.r1', '1'),
        decision: 'approved',
        by: [approver('ana'), approver('bob')],
      },
      {
        type: 'spent',
        at: T0 + 4_300,
        ...common('e1.r1', '1'),
        spend: 'consumed',
        nonce: 'n'.repeat(16),
        trace: trace('1'),
      },
      { type: 'outcome', at: T0 + 4_400, ...common('e1.r1', '1'), outcome: 'executed' },
      requested('e1.r2', '2'),
      { type: 'decided', at: T0 + 900, ...common('e1.r2', '2'), decision: 'denied', by: [approver('ana')] },
      requested('e1.r3', '3', { target: 'crm' }),
    ])
    await store.insertLedger(rows, 'ledger 0-8')
    await store.insertLedger(rows, 'the same entries in another batch')
    await store.insertFindings(
      [
        finding('1', { request_id: 'e1.r1', verification: 'verified' }),
        finding('2', { request_id: 'e1.r2', verification: 'unverifiable', outcome: 'not_run' }),
        finding('6', { request_id: 'e1.r1', verification: 'replayed' }),
        finding('7', {
          name: 'lookup_customer',
          ruling: 'allow',
          rule: 'lookup',
          verification: 'not_required',
        }),
      ],
      'findings',
    )
    await store.insertFindings(
      [finding('2', { request_id: 'e1.r2', verification: 'refused', outcome: 'not_run', judged_at: T0 + 1 })],
      'findings, judged again',
    )
  })

  const action = async (char: string) =>
    reader.query('SELECT * FROM holdpoint_actions WHERE trace_id = {id:String}', { id: char.repeat(32) })

  test('store - an entry that is written twice is one entry', async () => {
    expect(await count('holdpoint_ledger FINAL')).toBe(9)
    const [row] = await reader.query<{ statement: string }>(
      `SELECT statement FROM holdpoint_ledger FINAL WHERE type = 'decided' AND request_id = 'e1.r1'`,
    )
    expect(row?.statement).toBe(encodeEntry(entries.get(3) as LedgerEntry))
  })

  test('store - an approved action stands next to everybody who approved it', async () => {
    expect(await action('1')).toMatchObject([
      {
        request_id: 'e1.r1',
        agent: 'billing-bot',
        agent_sub: 'agent-1',
        owner: 'https://idp#olga',
        on_behalf_of: ['https://idp#uma'],
        ruling: 'hold',
        rule: 'export',
        decision: 'approved',
        approvers: ['ANA', 'BOB'],
        approver_ids: ['https://idp#ana', 'https://idp#bob'],
        refused_by: [],
        assurances: ['login', 'login'],
        channels: ['cli', 'cli'],
        wait_ms: 4_200,
        spend: 'consumed',
        outcome: 'executed',
        verification: 'verified',
        contradicted: 0,
      },
    ])
  })

  test('store - a denied action names who refused it, and the later judgement counts', async () => {
    expect(await action('2')).toMatchObject([
      { decision: 'denied', approvers: [], refused_by: ['ANA'], outcome: 'not_run', verification: 'refused' },
    ])
  })

  test('store - a request without a decision is pending before any span has come', async () => {
    expect(await action('3')).toMatchObject([
      {
        target: 'crm',
        decision: 'pending',
        outcome: 'pending',
        wait_ms: null,
        approvers: [],
        verification: '',
      },
    ])
  })

  test('store - a span that claims an approval of another span gets no approver', async () => {
    expect(await action('6')).toMatchObject([
      {
        request_id: 'e1.r1',
        approvers: [],
        decision: '',
        outcome: 'executed',
        verification: 'replayed',
        agent_sub: '',
      },
    ])
  })

  test('store - an allowed action is there with its ruling', async () => {
    expect(await action('7')).toMatchObject([
      { name: 'lookup_customer', ruling: 'allow', decision: '', wait_ms: null, verification: 'not_required' },
    ])
    expect(await count('holdpoint_actions')).toBe(5)
  })

  test('store - an entry that contradicts one that is there stays beside it', async () => {
    const [row] = ledgerRows(3, [
      { type: 'decided', at: T0, ...common('e1.r1', '1'), decision: 'approved', by: [approver('eve')] },
    ])
    await store.insertLedger([{ ...(row as LedgerRow), leaf_hash: 'f'.repeat(64) }], 'tampered')
    expect(await count('holdpoint_ledger FINAL', `origin = 'e1' AND ledger_index = 3`)).toBe(2)
    expect(await action('1')).toMatchObject([{ contradicted: 1 }])
  })
})

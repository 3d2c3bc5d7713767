import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createStore, OF_THE_ROWS, PASSING, readMigrations, type Store, unixNanoText } from '#store'
import { type RunningEngine, startEngine } from './engine-fixture.ts'
import { insertSpans, START, spanBlock, spanRow } from './span-rows.ts'

let running: RunningEngine
let store: Store
let reader: Store
beforeAll(async () => {
  running = await startEngine({ migrated: true })
  store = createStore(running.engine.writer)
  reader = createStore(running.engine.reader)
  await store.migrate()
}, 30_000)
afterAll(async () => {
  await store.close()
  await reader.close()
  await running.stop()
})

const count = async (table: string, where = '1'): Promise<number> =>
  (await reader.query<{ n: number }>(`SELECT count() AS n FROM ${table} WHERE ${where}`))[0]?.n ?? -1

describe('the schema', () => {
  test('store - otel_traces has the columns, types and order of the Collector’s exporter', async () => {
    const columns = await reader.query<{ name: string; type: string; compression_codec: string }>(
      `SELECT name, type, compression_codec FROM system.columns WHERE table = 'otel_traces' AND database = 'holdpoint' AND default_kind = '' ORDER BY position`,
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
    expect(columns.map(({ name }) => name)).toEqual(Object.keys(spanRow('')))
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
    expect(await count('holdpoint_migrations')).toBe((await readMigrations()).length)
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
    const odd = 'tab\t quote\' "double" \\ \u2028 ü'
    const attributes = { 'gen_ai.tool.name': 'export_customers', odd }
    const duration = '18446744073709551615'
    await insertSpans(
      store,
      [spanRow('1'.repeat(16), { SpanAttributes: attributes, Duration: duration })],
      'one span',
    )
    const columns = `toString(toUnixTimestamp64Nano(Timestamp)) AS at, SpanAttributes, toString(Duration) AS d, Events.Name, SpanKind`
    const rows = await reader.query(`SELECT ${columns} FROM otel_traces WHERE SpanId = {id:String}`, {
      id: '1'.repeat(16),
    })
    expect(rows).toEqual([
      {
        at: START.toString(),
        SpanAttributes: attributes,
        d: duration,
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
    for (let round = 0; round < 3; round++) await insertSpans(store, batch, 'batch b')
    expect(await count('otel_traces', `TraceId = '${trace}'`)).toBe(500)
    const summaries = await count('otel_traces_trace_id_ts', `TraceId = '${trace}'`)
    await insertSpans(store, batch, 'batch b')
    expect(await count('otel_traces_trace_id_ts', `TraceId = '${trace}'`)).toBe(summaries)
    expect(summaries).toBeLessThanOrEqual(2)
  })

  test('store - the same rows under another token are another batch', async () => {
    const rows = [spanRow('2'.repeat(16), { TraceId: 'c'.repeat(32) })]
    await insertSpans(store, rows, 'first')
    await insertSpans(store, rows, 'second')
    expect(await count('otel_traces', `TraceId = '${'c'.repeat(32)}'`)).toBe(2)
  })

  test('store - no rows are no insert', async () => {
    await expect(insertSpans(store, [], 'none')).resolves.toBeUndefined()
  })
})

describe('errors', () => {
  test('store - a row that does not fit is permanent, and none of its batch is stored', async () => {
    const block = spanBlock([spanRow('4'.repeat(16)), spanRow('3'.repeat(16))])
    const cut = { ...block, data: block.data.subarray(0, -1) }
    await expect(store.insertRows(cut, 'bad')).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      retryable: false,
    })
    expect(await count('otel_traces', `SpanId = '${'4'.repeat(16)}'`)).toBe(0)
  })

  test('store - the reader may not insert, and rows wait for the right to be given', async () => {
    await expect(insertSpans(reader, [spanRow('5'.repeat(16))], 'x')).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      retryable: true,
    })
    expect(await count('otel_traces', `SpanId = '${'5'.repeat(16)}'`)).toBe(0)
  })

  test('store - the codes that are worth another try, and those of rows at fault, are those that the engine knows by these names', async () => {
    const codes = { ...PASSING, ...OF_THE_ROWS }
    const { clientOf } = await import('./engine-fixture.ts')
    const client = clientOf(running.engine.writer)
    const query = `SELECT code, toString(errorCodeToName(code)) AS name FROM (SELECT arrayJoin([${Object.keys(codes)}]) AS code)`
    const rows = await (await client.query({ query, format: 'JSONEachRow' })).json<{
      code: number
      name: string
    }>()
    await client.close()
    expect(Object.fromEntries(rows.map(({ code, name }) => [code, name]))).toEqual(codes)
  })

  test('store - rows for a table that is missing wait, rows of a hundred and one days do not', async () => {
    await expect(
      store.insertRows({ table: 'otel_nothing', columns: ['a'], rows: 1, data: Buffer.of(0) }, 'x'),
    ).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true })
    const days = Array.from({ length: 101 }, (_, day) =>
      spanRow('6'.repeat(16), { Timestamp: unixNanoText(START + BigInt(day) * 86_400_000_000_000n) }),
    )
    await expect(insertSpans(store, days, 'days')).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      retryable: false,
    })
    await expect(store.query('SELECT * FROM otel_nothing')).rejects.toMatchObject({ code: 'INVALID_INPUT' })
  })

  test('store - a ClickHouse that is not there is worth another try', async () => {
    const nowhere = createStore({ ...running.engine.writer, url: 'http://127.0.0.1:1' })
    await expect(nowhere.query('SELECT 1')).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true })
    expect(await nowhere.ping()).toBe(false)
    await nowhere.close()
  })
})

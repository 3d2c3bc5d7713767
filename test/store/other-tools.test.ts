import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createStore, type Store, unixNanoText } from '#store'
import { clientOf, type RunningEngine, startEngine } from './engine-fixture.ts'
import { expandMacros, GRAFANA, HYPERDX } from './other-tools.ts'
import { insertSpans, START, spanRow } from './span-rows.ts'

const SECOND = Number(START / 1_000_000_000n)
const TRACE = 'abcdefg'
let running: RunningEngine
let reader: Store
beforeAll(async () => {
  running = await startEngine()
  const store = createStore(running.engine.writer)
  reader = createStore(running.engine.reader)
  await store.migrate()
  const rows = [
    spanRow('1'.repeat(16), {
      TraceId: TRACE,
      'Links.TraceId': ['b'.repeat(32)],
      'Links.SpanId': ['2'.repeat(16)],
      'Links.TraceState': [''],
      'Links.Attributes': [{ why: 'retry' }],
    }),
    spanRow('2'.repeat(16), {
      TraceId: TRACE,
      ParentSpanId: '1'.repeat(16),
      Timestamp: unixNanoText(START + 1_000_000_000n),
      StatusCode: 'Error',
      StatusMessage: 'refused',
    }),
    spanRow('3'.repeat(16), { TraceId: 'another', SpanAttributes: {} }),
  ]
  await insertSpans(store, rows, 'spans')
  await store.close()
  const client = clientOf(running.engine.writer)
  await client.command({
    query: `INSERT INTO otel_logs (Timestamp, TraceId, ServiceName, SeverityText, Body) VALUES
      (toDateTime64(${SECOND}, 9), '${TRACE}', 'agent', 'WARN', 'The action was refused'), (toDateTime64(${SECOND + 1}, 9), '', 'agent', 'INFO', 'Ready')`,
  })
  await client.command({
    query: `INSERT INTO otel_metrics_gauge (MetricName, ServiceName, TimeUnix, Value) VALUES ('nodejs.event_loop.utilization', 'agent', toDateTime(${SECOND}), 0.5)`,
  })
  await client.close()
}, 60_000)
afterAll(async () => {
  await reader?.close()
  await running?.stop()
})

/** As the tool would: with its own database name, as the user who only reads. */
const ask = (sql: string) =>
  reader.query(
    expandMacros(sql, SECOND - 3600, SECOND + 3600, 60)
      .replaceAll('"default".', '"holdpoint".')
      .replaceAll('FROM default.', 'FROM holdpoint.'),
  )

describe('Grafana', () => {
  test('other tools - a trace by its id, through the table that says when it was', async () => {
    const rows = await ask(GRAFANA.traceOfId)
    expect(rows).toHaveLength(2)
    expect(rows[0]).toMatchObject({
      traceID: TRACE,
      spanID: '1'.repeat(16),
      serviceName: 'agent',
      operationName: 'execute_tool export_customers',
      duration: 1.5,
      serviceTags: [{ key: 'service.name', value: 'agent' }],
      statusCode: 0,
      kind: 'Internal',
      logs: [{ name: 'waiting', fields: [{ key: 'k', value: 'v' }] }],
      references: [
        { traceID: 'b'.repeat(32), spanID: '2'.repeat(16), tags: [{ key: 'why', value: 'retry' }] },
      ],
    })
    expect(rows[0]?.startTime).toBeCloseTo(Number(START) / 1e6, 0)
    expect(rows[0]?.tags).toContainEqual({ key: 'gen_ai.tool.name', value: 'export_customers' })
    expect(rows[1]).toMatchObject({ parentSpanID: '1'.repeat(16), statusCode: 2, statusMessage: 'refused' })
  })

  test('other tools - a trace by its id alone', async () => {
    expect((await ask(GRAFANA.traceOfIdWithoutLookup)).map(({ spanID }) => spanID).sort()).toEqual([
      '1'.repeat(16),
      '2'.repeat(16),
    ])
  })

  test('other tools - the list of traces, newest first', async () => {
    expect((await ask(GRAFANA.traces)).map(({ traceID }) => traceID).sort()).toEqual([TRACE, 'another'])
  })

  test('other tools - log records, and those of a trace', async () => {
    expect(await ask(GRAFANA.logs)).toMatchObject([
      { body: 'Ready', level: 'INFO', traceID: '' },
      { body: 'The action was refused', level: 'WARN', traceID: TRACE },
    ])
    expect(await ask(GRAFANA.logsOfTrace)).toMatchObject([{ body: 'The action was refused' }])
  })

  test('other tools - percentiles over time', async () => {
    const rows = await ask(GRAFANA.percentiles)
    expect(rows).toMatchObject([{ ServiceName: 'agent', p99: 1.5 }])
  })
})

describe('HyperDX', () => {
  test('other tools - spans by an attribute', async () => {
    const rows = await ask(HYPERDX.search)
    expect(rows).toHaveLength(2)
    expect(rows[0]).toMatchObject({
      ServiceName: 'agent',
      StatusCode: 'Error',
      'round(divide(Duration, 1000000.))': 2,
    })
  })

  test('other tools - log records by a word', async () => {
    expect(await ask(HYPERDX.words)).toMatchObject([{ SeverityText: 'WARN', Body: 'The action was refused' }])
  })

  test('other tools - how many spans there were, by day and status', async () => {
    const rows = await ask(HYPERDX.histogram)
    const total = (status: string) =>
      rows
        .filter(({ StatusCode }) => StatusCode === status)
        .reduce((sum, row) => sum + Number(row['count()']), 0)
    expect([total('Ok'), total('Error')]).toEqual([2, 1])
  })

  test('other tools - a gauge over time', async () => {
    const [row] = await ask(HYPERDX.gauge)
    expect(Object.values(row ?? {})).toContain(0.5)
  })
})

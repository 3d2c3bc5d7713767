import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createStore, type Store } from '#store'
import { type RunningEngine, startEngine } from './engine-fixture.ts'
import { expandMacros, GRAFANA } from './other-tools.ts'
import { EXPORTER } from './other-tools-exporter.ts'
import { type HyperDx, startHyperDx } from './other-tools-hyperdx.ts'
import { insertRows, REQUEST, SECOND, TRACE } from './other-tools-rows.ts'
import { TILES } from './other-tools-tiles.ts'
import { START } from './span-rows.ts'

let running: RunningEngine
let reader: Store
let hyperdx: HyperDx
beforeAll(async () => {
  running = await startEngine({ migrated: true })
  const store = createStore(running.engine.writer)
  reader = createStore(running.engine.reader)
  await store.migrate()
  await insertRows(store, running)
  await store.close()
  hyperdx = await startHyperDx(running.engine.reader)
}, 60_000)
afterAll(async () => {
  await hyperdx?.stop()
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
    expect((await ask(GRAFANA.traces)).map(({ traceID }) => traceID).sort()).toEqual([
      TRACE,
      'another',
      'third',
      'third',
    ])
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
    expect(rows).toMatchObject([
      { ServiceName: 'agent', p99: 1.5 },
      { ServiceName: 'billing', p99: 19.9 },
    ])
  })
})

describe("the Collector's exporter", () => {
  test('other tools - how many log records there were, by severity', async () => {
    const rows = await ask(EXPORTER.logsOverTime)
    expect(rows.map(({ SeverityText, count }) => [SeverityText, Number(count)]).sort()).toEqual([
      ['', 1],
      ['DEBUG', 1],
    ])
  })

  test('other tools - log records of the last hour, newest first', async () => {
    expect((await ask(EXPORTER.logs)).map(({ Body }) => Body)).toEqual(['Asked the desk', REQUEST])
  })

  const { logsOfService, logsOfAttribute, logsWithToken, logsWithPart, logsThatMatch, logsByJson } = EXPORTER
  const one = { logsOfService, logsOfAttribute, logsWithToken, logsWithPart, logsThatMatch, logsByJson }
  for (const [name, sql] of Object.entries(one))
    test(`other tools - its example of log records: ${name}`, async () => {
      expect((await ask(sql)).map(({ Body }) => Body)).toEqual([REQUEST])
    })

  const spans = {
    spansOfAttribute: ['8', '9'],
    traceOfId: ['8', '9'],
    spansWithError: ['9'],
    slowSpans: ['8'],
  }
  for (const [name, ids] of Object.entries(spans))
    test(`other tools - its example of spans: ${name}`, async () => {
      const rows = await ask(EXPORTER[name as keyof typeof spans])
      expect(rows.map(({ SpanId }) => SpanId).sort()).toEqual(ids.map((id) => id.repeat(16)))
      expect(rows[0]).toMatchObject({
        'toString(SpanAttributes)': "{'peer.service':'telemetrygen-server'}",
        'toString(Events.Name)': "['waiting']",
      })
    })

  test('other tools - its examples of sums', async () => {
    expect((await ask(EXPORTER.sumOfName)).map(({ Value }) => Value).sort()).toEqual([1, 2])
    expect(await ask(EXPORTER.sumOfAttribute)).toMatchObject([{ MetricName: 'calls', Value: 1 }])
  })
})

describe('HyperDX', () => {
  let found: Awaited<ReturnType<HyperDx['chart']>>
  beforeAll(async () => {
    const configs = Object.entries(TILES).map(([name, { config }]) => [name, config] as const)
    const at = (secondsLater: number) => new Date((SECOND + secondsLater) * 1000)
    found = await hyperdx.chart(Object.fromEntries(configs), at(-1600), at(2000))
  }, 30_000)

  for (const [name, { rows }] of Object.entries(TILES))
    test(`other tools - ${name}`, () => {
      expect(found[name]).toHaveLength(rows.length)
      expect(found[name]).toEqual(expect.arrayContaining(rows))
    })

  test('other tools - its sources are found with their columns', async () => {
    const [traces, logs, ...rest] = await hyperdx.schemas()
    expect(traces).toMatch(/^CREATE TABLE holdpoint\.otel_traces\n.*SpanAttributes/s)
    expect(logs).toMatch(/^CREATE TABLE holdpoint\.otel_logs\n.*SeverityText/s)
    expect(rest).toEqual([])
  })

  test('other tools - a search, one of its spans, the trace around it with its log, and patterns', async () => {
    const screen = hyperdx.open('Traces', 'SpanAttributes.gen_ai.tool.name:"export_customers"')
    const list = await screen.until('execute_tool export_customers')
    expect(list).toMatch(/agent +Ok +2 +execute_tool export_customers/)
    expect(list).not.toContain('DELETE customers')
    screen.press('\r')
    const span = await screen.until('conv-1')
    expect(span).toMatch(/TraceId +f{32}/)
    expect(span).toMatch(/gen_ai\.tool\.name +export_customers/)
    screen.press('\t')
    expect(await screen.until('__hdx_event_attributes')).toMatch(/Events\.Name +\[ "waiting" \]/)
    screen.press('\t')
    const trace = await screen.until('2 spans, 1 log (1 error)')
    expect(trace).toMatch(
      /agent > execute_tool export_customers .* 1\.5ms.*agent > Asked the desk .*agent > DELETE customers .* 1\.5ms ERR/s,
    )
    screen.press('h')
    await screen.until('Search:')
    screen.press('P')
    await screen.until('1 patterns from ~1 events')
    await screen.close()
  }, 30_000)

  test('other tools - nothing that it asked was refused', () => {
    expect(hyperdx.refused).toEqual([])
  })
})

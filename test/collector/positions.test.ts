import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { generate, type Load } from '../support/collector/load.ts'
import { type Placed, type Position, place } from '../support/collector/positions.ts'
import { collectorVersion, findCollector } from '../support/collector/programs.ts'

/** What a sender may claim of itself, and nobody believes. */
const CLAIM = { 'holdpoint.verification': 'verified' }

const loads: (Load & { table: string; rows: number })[] = [
  { signal: 'traces', count: 150, over: 'grpc', table: 'otel_traces', rows: 300 },
  { signal: 'traces', count: 150, over: 'http', table: 'otel_traces', rows: 300 },
  { signal: 'logs', count: 250, over: 'grpc', table: 'otel_logs', rows: 250 },
  { signal: 'logs', count: 250, over: 'http', table: 'otel_logs', rows: 250 },
  { signal: 'metrics', count: 60, over: 'grpc', metricType: 'Gauge', table: 'otel_metrics_gauge', rows: 60 },
  { signal: 'metrics', count: 60, over: 'http', metricType: 'Sum', table: 'otel_metrics_sum', rows: 60 },
  {
    signal: 'metrics',
    count: 60,
    over: 'grpc',
    metricType: 'Histogram',
    table: 'otel_metrics_histogram',
    rows: 60,
  },
  {
    signal: 'metrics',
    count: 60,
    over: 'http',
    metricType: 'ExponentialHistogram',
    table: 'otel_metrics_exponential_histogram',
    rows: 60,
  },
].map((load) => ({
  ...(load as Load & { table: string; rows: number }),
  service: [load.signal, load.over, load.metricType].filter(Boolean).join('-'),
  attributes: CLAIM,
}))

describe
  .skipIf(findCollector() === undefined)
  .each<Position>(['between Collectors', 'behind a Collector', 'alone'])(
  `beside Collector ${collectorVersion()}, %s`,
  (position) => {
    let placed: Placed
    beforeAll(async () => {
      placed = await place(position)
    })
    afterAll(() => placed?.stop())

    const rowsOf = async ({ table, service }: { table: string; service: string }): Promise<number> => {
      const counted = await placed.query(
        `SELECT toUInt32(count()) AS n FROM ${table} WHERE ServiceName = '${service}'`,
      )
      return Number(counted[0]?.n)
    }

    test('collector - everything that telemetrygen sends, over HTTP and gRPC, is there once', async () => {
      for (const load of loads) await generate(placed.entrance, load)
      for (const load of loads) await expect.poll(() => rowsOf(load), { timeout: 20_000 }).toBe(load.rows)
      const spans = await placed.query(
        "SELECT toUInt32(uniqExact(TraceId, SpanId)) AS n FROM otel_traces WHERE ServiceName LIKE 'traces-%'",
      )
      expect(Number(spans[0]?.n)).toBe(600)
    })

    test('collector - a sender that calls its spans verified has them called missing, and its claim on the rest is taken off', async () => {
      const verdicts = await placed.query(
        "SELECT SpanAttributes['holdpoint.verification'] AS verification, toUInt32(count()) AS n FROM otel_traces GROUP BY ALL ORDER BY ALL",
      )
      expect(verdicts.map(({ verification, n }) => [verification, Number(n)])).toEqual([['missing', 600]])
      for (const [table, column] of [
        ['otel_logs', 'LogAttributes'],
        ['otel_metrics_gauge', 'Attributes'],
        ['otel_metrics_sum', 'Attributes'],
        ['otel_metrics_histogram', 'Attributes'],
        ['otel_metrics_exponential_histogram', 'Attributes'],
      ]) {
        const claims = `toUInt32(countIf(mapContains(${column}, 'holdpoint.verification')))`
        const [found] = await placed.query(`SELECT toUInt32(count()) AS n, ${claims} AS claims FROM ${table}`)
        expect([table, Number(found?.claims)]).toEqual([table, 0])
        expect(Number(found?.n)).toBeGreaterThan(0)
      }
    })

    test('collector - a released action of a gated agent is verified, and its span says so', async () => {
      await placed.holdpoint.actReleased(placed.entrance)
      const verdicts = () =>
        placed.query(
          "SELECT SpanAttributes['holdpoint.verification'] AS verification, SpanAttributes['holdpoint.approval.decision'] AS decision " +
            "FROM otel_traces WHERE ServiceName = 'gated' AND SpanName = 'execute_tool grant_role'",
        )
      await expect
        .poll(verdicts, { timeout: 20_000 })
        .toEqual([{ verification: 'verified', decision: 'approved' }])
      const action = () =>
        placed.query(
          "SELECT agent, name, approvers, outcome, verification FROM holdpoint_actions WHERE agent != ''",
        )
      await expect.poll(action, { timeout: 20_000 }).toEqual([
        {
          agent: 'my-agent',
          name: 'grant_role',
          approvers: ['Bob Berger'],
          outcome: 'executed',
          verification: 'verified',
        },
      ])
    })

    test('collector - nothing has come a second time meanwhile', async () => {
      for (const load of loads) expect([load.service, await rowsOf(load)]).toEqual([load.service, load.rows])
    })
  },
)

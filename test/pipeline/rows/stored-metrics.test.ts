import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createStore, type Store } from '#store'
import { metricBlocks } from '../../../src/pipeline/rows/metrics.ts'
import { type RunningEngine, startEngine } from '../../store/engine-fixture.ts'
import { GROUP, groupColumns, requestOf, valuesOf } from './groups.ts'
import {
  anyDouble,
  bytes,
  type Chunk,
  double,
  fixed64,
  int,
  message,
  packed,
  sfixed64,
  sint,
  text,
} from './wire-chunks.ts'

let running: RunningEngine
let store: Store
beforeAll(async () => {
  running = await startEngine({ migrated: true })
  store = createStore(running.engine.writer)
  await store.migrate()
})
afterAll(async () => {
  await store.close()
  await running.stop()
})
const KINDS = ['gauge', 'sum', 'histogram', 'exponential_histogram', 'summary']
beforeEach(async () => {
  for (const kind of KINDS) await store.query(`TRUNCATE TABLE otel_metrics_${kind}`)
})

const START_NS = 1_790_000_000_999_999_999n
const TIME_NS = 1_790_000_060_000_000_001n
const times = [fixed64(2, START_NS), fixed64(3, TIME_NS)]
const TRACE = Uint8Array.from({ length: 16 }, (_, at) => at + 1)
const SPAN = Uint8Array.from({ length: 8 }, (_, at) => at + 1)
const exemplars = (no: number): Chunk[] => [
  message(no, [
    fixed64(2, TIME_NS),
    double(3, 0.5),
    bytes(4, SPAN),
    bytes(5, TRACE),
    ...valuesOf(7, { 'user.id': 'u1' }),
  ]),
  message(no, [sfixed64(6, -7n)]),
]
const metric = (no: number, ...data: Chunk[]): Chunk =>
  message(2, [text(1, 'calls'), text(2, 'how many'), text(3, '{call}'), message(no, data)])

const SHARED = {
  ...groupColumns(GROUP),
  ScopeDroppedAttrCount: 3,
  MetricName: 'calls',
  MetricDescription: 'how many',
  MetricUnit: '{call}',
  Attributes: { route: '/', status: '200' },
  StartTimeUnix: 1_790_000_000,
  TimeUnix: 1_790_000_060,
  Flags: 1,
}
const EXEMPLARS = {
  'Exemplars.FilteredAttributes': [{ 'user.id': 'u1' }, {}],
  'Exemplars.TimeUnix': [1_790_000_060, 0],
  'Exemplars.Value': [0.5, -7],
  'Exemplars.SpanId': ['0102030405060708', '0000000000000000'],
  'Exemplars.TraceId': ['0102030405060708090a0b0c0d0e0f10', '0'.repeat(32)],
}
const ATTRIBUTES = { status: 200n, route: '/' }

let batches = 0
async function insert(items: readonly Chunk[], token = `batch ${batches++}`): Promise<void> {
  for (const block of metricBlocks([requestOf(GROUP, items)])) await store.insertRows(block, token)
}

/** Seconds instead of dates, however many times a table has. */
async function read(kind: string): Promise<object[]> {
  const hasExemplars = kind !== 'summary'
  return store.query(
    `SELECT * REPLACE (toUnixTimestamp(StartTimeUnix) AS StartTimeUnix, toUnixTimestamp(TimeUnix) AS TimeUnix
       ${hasExemplars ? ', arrayMap(at -> toUnixTimestamp(at), Exemplars.TimeUnix) AS "Exemplars.TimeUnix"' : ''})
     FROM otel_metrics_${kind}`,
  )
}

describe('otel_metrics', () => {
  it('rows - every column of a gauge is read back as it was sent', async () => {
    const point = [...times, double(4, 1.25), ...exemplars(5), ...valuesOf(7, ATTRIBUTES), int(8, 1)]
    await insert([metric(5, message(1, point))])
    expect(await read('gauge')).toEqual([{ ...SHARED, Value: 1.25, ...EXEMPLARS }])
  })

  it('rows - every column of a sum is read back as it was sent', async () => {
    const point = [...times, sfixed64(6, -12n), ...exemplars(5), ...valuesOf(7, ATTRIBUTES), int(8, 1)]
    await insert([metric(7, message(1, point), int(2, 2), int(3, 1))])
    const [row] = await read('sum')
    expect(row).toEqual({ ...SHARED, Value: -12, ...EXEMPLARS, AggregationTemporality: 2, IsMonotonic: true })
  })

  it('rows - every column of a histogram is read back as it was sent, lists packed or not', async () => {
    const of = (lists: Chunk[]) => [
      ...times,
      fixed64(4, 10n),
      double(5, 17.5),
      ...lists,
      ...exemplars(8),
      ...valuesOf(9, ATTRIBUTES),
      int(10, 1),
      double(11, -1),
      double(12, 9.5),
    ]
    const inOne = [
      packed(6, (writer) => void writer.fixed64(3n).fixed64(7n)),
      packed(7, (writer) => void writer.double(5)),
    ]
    const eachByItself = [fixed64(6, 3n), double(7, 5), fixed64(6, 7n)]
    await insert([metric(9, message(1, of(inOne)), message(1, of(eachByItself)), int(2, 1))])
    const row = {
      ...SHARED,
      Count: 10,
      Sum: 17.5,
      BucketCounts: [3, 7],
      ExplicitBounds: [5],
      ...EXEMPLARS,
      Min: -1,
      Max: 9.5,
      AggregationTemporality: 1,
    }
    expect(await read('histogram')).toEqual([row, row])
  })

  it('rows - every column of an exponential histogram is read back as it was sent', async () => {
    const point = [
      ...valuesOf(1, ATTRIBUTES),
      ...times,
      fixed64(4, 2n ** 40n),
      double(5, 2.5),
      sint(6, -3),
      fixed64(7, 4n),
      message(8, [
        sint(1, -2),
        packed(
          2,
          (writer) =>
            void writer
              .uint64(1)
              .uint64(300)
              .uint64(2n ** 40n),
        ),
      ]),
      message(9, [sint(1, 5), int(2, 9)]),
      int(10, 1),
      ...exemplars(11),
      double(12, 0.25),
      double(13, 8),
    ]
    await insert([metric(10, message(1, point), int(2, 2))])
    expect(await read('exponential_histogram')).toEqual([
      {
        ...SHARED,
        Count: 2 ** 40,
        Sum: 2.5,
        Scale: -3,
        ZeroCount: 4,
        PositiveOffset: -2,
        PositiveBucketCounts: [1, 300, 2 ** 40],
        NegativeOffset: 5,
        NegativeBucketCounts: [9],
        ...EXEMPLARS,
        Min: 0.25,
        Max: 8,
        AggregationTemporality: 2,
      },
    ])
  })

  it('rows - every column of a summary is read back as it was sent', async () => {
    const quantile = (at: number, value: number) => message(6, [double(1, at), double(2, value)])
    const point = [
      ...times,
      fixed64(4, 5n),
      double(5, 6.5),
      quantile(0.5, 1),
      quantile(0.99, 4),
      ...valuesOf(7, ATTRIBUTES),
      int(8, 1),
    ]
    await insert([metric(11, message(1, point))])
    expect(await read('summary')).toEqual([
      {
        ...SHARED,
        Count: 5,
        Sum: 6.5,
        'ValueAtQuantiles.Quantile': [0.5, 0.99],
        'ValueAtQuantiles.Value': [1, 4],
      },
    ])
  })

  it('rows - any number is read back as it was sent, to the bit', async () => {
    const values = [...fc.sample(anyDouble, { numRuns: 200, seed: 5 }), Number.NaN, Infinity, -Infinity, -0]
    const points = values.map((value, index) =>
      message(1, [fixed64(3, TIME_NS + BigInt(index) * 1_000_000_000n), double(4, value)]),
    )
    await insert([metric(5, ...points)])
    const rows = await store.query<{ bits: string }>(
      'SELECT toString(reinterpretAsUInt64(Value)) AS bits FROM otel_metrics_gauge ORDER BY TimeUnix',
    )
    const bitsOf = (value: number) => new BigUint64Array(Float64Array.of(value).buffer)[0]
    expect(rows.map(({ bits }) => bits)).toEqual(values.map((value) => String(bitsOf(value))))
  })

  it('rows - hostile points do not make the insert fail', async () => {
    const most = 2n ** 64n - 1n
    await insert([
      metric(5, message(1, [fixed64(2, most), fixed64(3, most), double(4, Number.NaN), int(8, 2n ** 62n)])),
      metric(7, message(1, [sfixed64(6, -(2n ** 63n))]), int(2, -(2n ** 31n)), int(3, 7)),
      metric(9, message(1, [fixed64(4, most), double(5, Infinity), double(11, -Infinity)])),
      metric(
        10,
        message(1, [sint(6, -(2 ** 31)), message(8, [sint(1, 2 ** 31 - 1), int(2, -1n)])]),
        int(2, 99),
      ),
      metric(11, message(1, [message(6, []), message(6, [double(1, Number.NaN)])])),
    ])
    const [count] = await store.query(
      `SELECT ${KINDS.map((kind) => `(SELECT count() FROM otel_metrics_${kind}) AS ${kind}`)}`,
    )
    expect(count).toEqual({ gauge: 1, sum: 1, histogram: 1, exponential_histogram: 1, summary: 1 })
    expect(
      await store.query(
        'SELECT PositiveBucketCounts[1] = 18446744073709551615 AS most, Scale FROM otel_metrics_exponential_histogram',
      ),
    ).toEqual([{ most: 1, Scale: -(2 ** 31) }])
  })

  it('rows - a metric without points, or of no kind, is no row', async () => {
    await insert([metric(5), message(2, [text(1, 'of no kind')])])
    expect(await read('gauge')).toEqual([])
  })

  it('rows - the same metrics under their token again change nothing', async () => {
    const items = [metric(5, message(1, [...times, double(4, 1)]))]
    for (let time = 0; time < 3; time++) await insert(items, 'one token')
    expect((await read('gauge')).length).toBe(1)
  })
})

import { expect, it } from 'vitest'
import { withoutAhead } from '../../src/pipeline/otlp/ahead.ts'
import { toProtobuf } from '../../src/pipeline/otlp/json.ts'
import { itemsIn } from './otlp-items.ts'

const AT_MS = 1_790_000_000_000
const HOUR_MS = 3_600_000
const point = (aheadMs: number) => ({
  timeUnixNano: `${AT_MS + aheadMs}000000`,
  startTimeUnixNano: `${AT_MS}000000`,
})
const metrics = (...list: object[]) =>
  toProtobuf(
    'metrics',
    Buffer.from(JSON.stringify({ resourceMetrics: [{ scopeMetrics: [{ metrics: list }] }] })),
  )
const gauge = (name: string, ...aheadMs: number[]) => ({
  name,
  gauge: { dataPoints: aheadMs.map((ahead) => ({ ...point(ahead), asDouble: 0 })) },
})
const said = (body: Uint8Array): string => itemsIn('metrics', body).join()

it.each([
  ['gauge', { asDouble: 1 }],
  ['sum', { asInt: '1' }],
  ['histogram', { count: '1' }],
  ['exponentialHistogram', { count: '1' }],
  ['summary', { count: '1' }],
])('ahead - a %s in our name reports nothing of the hours to come', (kind, value) => {
  const body = metrics({
    name: 'holdpoint.pipeline.lag',
    [kind]: {
      dataPoints: [5, 60_000, HOUR_MS, 24 * HOUR_MS].map((ahead) => ({ ...point(ahead), ...value })),
    },
  })
  const expected = metrics({
    name: 'holdpoint.pipeline.lag',
    [kind]: { dataPoints: [5, 60_000].map((ahead) => ({ ...point(ahead), ...value })) },
  })
  expect(said(withoutAhead(body, AT_MS))).toBe(said(expected))
})

it('ahead - a time so late that seconds of 32 bits would begin again is late', () => {
  const body = metrics(gauge('holdpoint.pipeline.lag', 2 ** 32 * 1000))
  expect(said(withoutAhead(body, AT_MS))).toBe(said(metrics(gauge('holdpoint.pipeline.lag'))))
})

it('ahead - metrics of others beside stay, whatever they say', () => {
  const body = metrics(
    gauge('app.lag', HOUR_MS),
    gauge('holdpoint.nats.rtt', 0, HOUR_MS),
    gauge('x.holdpoint.pipeline.lag', HOUR_MS),
  )
  expect(said(withoutAhead(body, AT_MS))).toBe(
    said(
      metrics(
        gauge('app.lag', HOUR_MS),
        gauge('holdpoint.nats.rtt', 0),
        gauge('x.holdpoint.pipeline.lag', HOUR_MS),
      ),
    ),
  )
})

it.each([
  ['none of ours', metrics(gauge('app.lag', HOUR_MS))],
  ['ours in time', metrics(gauge('holdpoint.pipeline.lag', 0, -HOUR_MS))],
  ['nothing at all', new Uint8Array()],
])('ahead - the same bytes come back of %s', (_, body) => {
  expect(withoutAhead(body, AT_MS)).toBe(body)
})

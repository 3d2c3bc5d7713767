import { metrics } from '@opentelemetry/api'
import { Hono } from 'hono'
import { beforeAll, expect, test } from 'vitest'
import { type Instrument, prometheusName } from '#runtime'
import { createMeasures as createApiMeasures } from '../../src/api/measures.ts'
import { createMeasures as createBrokerMeasures } from '../../src/broker/telemetry.ts'
import { METRICS_CATALOGUE } from '../../src/main/metrics-catalogue.ts'
import { watchRoundTrip } from '../../src/main/round-trip.ts'
import { createMeasures as createBufferMeasures } from '../../src/pipeline/buffer/measures.ts'
import { createForwardMeasures } from '../../src/pipeline/forward/measures.ts'
import { createRequestCount } from '../../src/pipeline/receive/telemetry.ts'
import { createMeasures as createPipelineMeasures } from '../../src/pipeline/telemetry.ts'
import { watchProcess } from '../../src/runtime/metrics/process.ts'
import { measured } from '../support/measured.ts'
import { type Family, sampleValue } from '../support/prometheus.ts'

const INSTRUMENTS: readonly Instrument[] = METRICS_CATALOGUE.flatMap((group) => group.instruments)
const TYPES = { counter: 'counter', updown: 'gauge', gauge: 'gauge', histogram: 'histogram' } as const

/** Everything that rooms can measure, once; `now` is ten seconds after what they wait for. */
let families: Map<string, Family>
beforeAll(async () => {
  const { made, families: read } = measured(measureAll)
  await made
  families = await read()
})

async function measureAll(): Promise<void> {
  const now = () => 60_000
  const [broker, pipeline, forward] = [
    createBrokerMeasures(),
    createPipelineMeasures(),
    createForwardMeasures(),
  ]
  const [buffer, api, answered] = [createBufferMeasures({ now }), createApiMeasures(), createRequestCount()]
  watchRoundTrip('desk', { flush: async () => {} } as never)
  watchProcess(metrics.getMeter('holdpoint.runtime'))

  broker.decided('expired', 'defaults', 1_500)
  const reviewer = { channel: 'webhook:pager', assurance: 'chat' }
  broker.reviewed({ verdict: 'approve', reviewer } as never)
  for (const channel of ['Bob <bob@example.com>', 'a b', 'console\n', '../x'])
    broker.reviewed({ verdict: 'deny', reviewer: { channel, assurance: 'chat' } } as never)
  broker.reviewRefused('SELF_APPROVAL')
  broker.escalated('export')
  const standing = { pending: 2, freezes: 1, ledgerSize: 7, uncoveredSinceMs: 50_000, nowMs: now() }
  broker.watch(() => standing)

  pipeline.stored('traces', 1)
  pipeline.verdict('verified')
  pipeline.watch({ waiting: () => 2, unread: async () => 3 })
  answered('logs', 'grpc', 14)
  forward.sent('traces', 2)
  const composed = { messages: [{ items: 3, receivedAtMs: 50_000 }] }
  buffer.stored(composed as never)
  buffer.working(0, composed as never)
  buffer.dead()
  buffer.tookOver()
  buffer.refused()
  buffer.watch({ size: async () => ({ bytes: 1, messages: 1 }), oldestMs: async () => 50_000 })

  api.streamOpened()
  const app = new Hono().use(api.measured).get('/v1/requests/:id', (c) => c.text(''))
  await broker.call('request', async () => {})
  await app.request('/v1/requests/1')
}

test('metrics - the catalogue has every one that is measured, and each is measured', () => {
  const named = INSTRUMENTS.map(prometheusName)
  expect(new Set(named).size).toBe(named.length)
  expect([...families.keys()].filter((name) => name !== 'target_info').toSorted()).toEqual(named.toSorted())
})

test.each(INSTRUMENTS.map((one) => [prometheusName(one), one] as const))(
  'metrics - %s is what the catalogue says',
  (name, { kind, description, attributes }) => {
    const family = families.get(name)
    expect(family).toMatchObject({ type: TYPES[kind], help: description })
    for (const { labels } of family?.samples ?? []) {
      const { le, ...rest } = labels
      expect(le !== undefined && kind !== 'histogram').toBe(false)
      expect(Object.keys(rest)).toEqual(Object.keys(attributes).map((one) => one.replaceAll('.', '_')))
    }
  },
)

test('metrics - names, units and attributes are as OpenTelemetry wants them', () => {
  for (const { name, kind, unit, description, attributes, across, bounds } of INSTRUMENTS) {
    expect(name).toMatch(/^(holdpoint|http|process)(\.[a-z][a-z0-9_]*)+$/)
    expect(unit).toMatch(/^(s|ms|By|\{[a-z]+\})$/)
    expect(description).toMatch(/^[A-Z].*\.$/)
    for (const [key, said] of Object.entries(attributes)) {
      expect(key).toMatch(/^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$/)
      expect(said).not.toBe('')
    }
    // Whoever adds the values of replicas up has to know whether they may.
    expect([name, across !== undefined]).toEqual([name, kind === 'gauge'])
    expect([name, bounds !== undefined]).toEqual([name, kind === 'histogram'])
  }
})

test('metrics - values are in the units that names promise', () => {
  expect(sampleValue(families, 'holdpoint_approval_wait_seconds_sum')).toBe(1.5)
  expect(sampleValue(families, 'holdpoint_ledger_checkpoint_age_seconds')).toBe(10)
  expect(sampleValue(families, 'holdpoint_pipeline_lag_seconds')).toBe(10)
  expect(sampleValue(families, 'holdpoint_pipeline_buffer_oldest_milliseconds')).toBe(10_000)
  expect(sampleValue(families, 'holdpoint_pipeline_ledger_behind')).toBe(5)
  expect(sampleValue(families, 'holdpoint_pipeline_buffer_items_total')).toBe(3)
})

test('metrics - the channel of a review is the name of one, or other: it may say anything of anybody', () => {
  const channels = families
    .get('holdpoint_reviews_total')
    ?.samples.map(({ labels, value }) => [labels.channel, value])
  expect(channels).toEqual([
    ['webhook:pager', 1],
    ['other', 4],
  ])
})

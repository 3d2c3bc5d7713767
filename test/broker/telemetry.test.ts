import { metrics, trace } from '@opentelemetry/api'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { codeOf, holdAction, reviewAs } from '../support/held.ts'
import { type House, startHouse } from '../support/house.ts'

const spans = new InMemorySpanExporter()
const exported = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
const reader = new PeriodicExportingMetricReader({ exporter: exported, exportIntervalMillis: 3_600_000 })
let house: House

beforeAll(async () => {
  trace.setGlobalTracerProvider(
    new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter: spans })] }),
  )
  metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }))
  house = await startHouse()
})
afterAll(async () => {
  await house.stop()
  await reader.shutdown()
})

/** The newest points of one metric, as `attributes → value` (a histogram's value is its count). */
async function pointsOf(name: string): Promise<Map<string, number>> {
  await reader.forceFlush()
  const found = exported
    .getMetrics()
    .at(-1)
    ?.scopeMetrics.flatMap(({ metrics: all }) => all)
    .find(({ descriptor }) => descriptor.name === name)
  const points = (found?.dataPoints ?? []).map(({ attributes, value }) => {
    const count = typeof value === 'number' ? value : value.count
    return [Object.values(attributes).join(' '), count] as const
  })
  return new Map(points)
}

test('broker - its own metrics count decisions, waits, calls by their code, and what is pending', async () => {
  const agent = await house.agent('support-agent')
  const denied = await holdAction(agent)
  await reviewAs(house, 'bob', denied.requestId, 'deny')
  const approved = await holdAction(agent)
  await reviewAs(house, 'bob', approved.requestId)
  await holdAction(agent)
  expect(await codeOf(reviewAs(house, 'bob', approved.requestId))).toBe('ALREADY_DECIDED')

  const decisions = await pointsOf('holdpoint.decisions')
  expect(Object.fromEntries(decisions)).toEqual({ 'denied defaults': 1, 'approved defaults': 1 })
  expect(Object.fromEntries(await pointsOf('holdpoint.approval.wait'))).toEqual({ denied: 1, approved: 1 })
  expect(Object.fromEntries(await pointsOf('holdpoint.requests.pending'))).toEqual({ '': 1 })
  const calls = await pointsOf('holdpoint.broker.call.duration')
  expect(calls.get('request OK')).toBe(3)
  expect(calls.get('review ALREADY_DECIDED')).toBe(1)
})

test('broker - each call is a span; a refusal is the broker at work, not its error', async () => {
  const agent = await house.agent('other-agent')
  spans.reset()
  expect(await codeOf(agent.call('claim', { requestId: '1-nobody' }))).toBe('UNKNOWN_REQUEST')
  const [span] = spans.getFinishedSpans()
  expect(span).toMatchObject({
    name: 'holdpoint.broker claim',
    attributes: { 'error.type': 'UNKNOWN_REQUEST' },
    status: { code: 0 },
  })
})

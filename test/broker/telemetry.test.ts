import { metrics, trace } from '@opentelemetry/api'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { codeOf, eventually, holdAction, reviewAs } from '../support/held.ts'
import { attemptOf, type House, POLICY, startHouse } from '../support/house.ts'

const spans = new InMemorySpanExporter()
const exported = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
const reader = new PeriodicExportingMetricReader({ exporter: exported, exportIntervalMillis: 3_600_000 })
const STEPS = `${POLICY}
  - id: steps
    match: { kind: tool, name: steps }
    effect: hold
    approvals: { from: [data-owners], threshold: 1 }
    escalate: [{ after: 2m, to: [security-oncall] }]
`
let house: House

beforeAll(async () => {
  trace.setGlobalTracerProvider(
    new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter: spans })] }),
  )
  metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }))
  // Nobody sends heartbeats here, and time is moved by minutes.
  house = await startHouse({ policy: STEPS, heartbeatMs: 3_600_000 })
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

test('broker - reviews count once they are in the ledger, and refusals by their code', async () => {
  const agent = await house.agent('reviewed-agent')
  const [before, refusedBefore] = [
    await pointsOf('holdpoint.reviews'),
    await pointsOf('holdpoint.reviews.refused'),
  ]
  const { requestId } = await holdAction(agent, attemptOf({ name: 'wire_money' }))
  // Nobody releases their own work, however often they try.
  expect(await codeOf(reviewAs(house, 'alice', requestId))).toBe('SELF_APPROVAL')
  expect(await codeOf(reviewAs(house, 'alice', requestId))).toBe('SELF_APPROVAL')
  await reviewAs(house, 'bob', requestId)
  expect(await codeOf(reviewAs(house, 'bob', requestId))).toBe('ALREADY_REVIEWED')

  const more = (now: Map<string, number>, then: Map<string, number>) =>
    Object.fromEntries(
      [...now].map(([key, count]) => [key, count - (then.get(key) ?? 0)]).filter(([, by]) => by),
    )
  expect(more(await pointsOf('holdpoint.reviews'), before)).toEqual({ 'approve cli login': 1 })
  expect(more(await pointsOf('holdpoint.reviews.refused'), refusedBefore)).toEqual({
    SELF_APPROVAL: 2,
    ALREADY_REVIEWED: 1,
  })
})

test('broker - a step of an escalation counts once, however many brokers take it', async () => {
  const second = await house.startBroker()
  const agent = await house.agent('waiting-agent')
  await holdAction(agent, attemptOf({ name: 'steps' }))
  await holdAction(agent, attemptOf({ name: 'steps' }))
  house.clock.advance(120_000)
  const steps = () => pointsOf('holdpoint.escalations')
  await eventually(steps, (points) => (points.get('steps') ?? 0) >= 2)
  await second.stop()
  // One that starts anew looks at all of them again.
  const third = await house.startBroker()
  expect(Object.fromEntries(await steps())).toEqual({ steps: 2 })
  await third.stop()
})

test('broker - what stands in the ledger, what is frozen and how long a checkpoint is waited for can be read', async () => {
  const only = async (name: string): Promise<number> => (await pointsOf(name)).get('') as number
  const size = await only('holdpoint.ledger.size')
  expect(size).toBeGreaterThan(5)
  const agent = await house.agent('frozen-agent')
  await holdAction(agent)
  await house.desk.freeze({
    token: house.token('bob'),
    frozen: true,
    channel: 'cli',
    reason: 'It went mad.',
    agentId: agent.id,
  })
  // Asked for, held, frozen, cancelled.
  await eventually(
    () => only('holdpoint.ledger.size'),
    (now) => now >= size + 3,
  )
  expect(await only('holdpoint.freezes.active')).toBe(1)
  await eventually(
    () => only('holdpoint.ledger.checkpoint.age'),
    (age) => age === 0,
  )
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

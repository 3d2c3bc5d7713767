import { trace } from '@opentelemetry/api'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { createGate } from '#gate'
import { attempt, configFor, type Scene, startScene } from '../support/gate-scene.ts'
import { type RecordedSpans, recordSpans } from '../support/spans.ts'

let scene: Scene
let spans: RecordedSpans

beforeAll(async () => {
  spans = recordSpans()
  scene = await startScene()
})
afterAll(async () => {
  await scene.stop()
  await spans.stop()
})
beforeEach(() => {
  spans.reset()
  scene.broker.calls.length = 0
})
afterEach(() => {
  scene.broker.onRequest = () => undefined
  scene.broker.intercept = (_call, honest) => honest
})

const opened = () => vi.waitFor(() => expect(scene.broker.requests.at(-1)?.state).toBe('pending'))
const callsOf = (name: string) => scene.broker.calls.filter((call) => call.name === name)
const lastRequest = () => scene.broker.requests.at(-1) as (typeof scene.broker.requests)[number]

test('gate - an allowed action runs at once, and the broker is not asked', async () => {
  const held = await scene.gate.hold(attempt({ name: 'lookup_customer' }), () => 'found')
  expect(held).toEqual({ ran: true, value: 'found' })
  expect(callsOf('request')).toEqual([])
  const [span] = spans.named('execute_tool lookup_customer')
  expect(span?.attributes).toMatchObject({
    'gen_ai.operation.name': 'execute_tool',
    'gen_ai.tool.name': 'lookup_customer',
    'gen_ai.agent.id': 'shop-agent',
    'holdpoint.action.kind': 'tool',
    'holdpoint.ruling': 'allow',
    'holdpoint.policy.rule': 'lookup',
    'holdpoint.policy.version': 1,
    'holdpoint.enforcement': 'in-process:shop-agent',
    'holdpoint.outcome': 'executed',
  })
  expect(span?.attributes['holdpoint.action.digest']).toMatch(/^sha-256:[0-9a-f]{64}$/)
  expect(span?.attributes).not.toHaveProperty('holdpoint.approval.decision')
})

test('gate - arguments decide where the rule says so', async () => {
  const small = await scene.gate.hold(
    attempt({ name: 'issue_refund', arguments: { amount: 50 } }),
    () => 'paid',
  )
  expect(small).toEqual({ ran: true, value: 'paid' })
  const large = scene.gate.hold(attempt({ name: 'issue_refund', arguments: { amount: 51 } }), () => 'paid')
  await opened()
  scene.broker.decide(lastRequest(), 'denied')
  expect(await large).toMatchObject({ ran: false, refusal: { code: 'APPROVAL_DENIED' } })
})

test('gate - what policy denies is refused without asking anybody', async () => {
  const run = vi.fn()
  const held = await scene.gate.hold(attempt({ name: 'drop_database' }), run)
  expect(held).toMatchObject({
    ran: false,
    refusal: {
      code: 'POLICY_DENIED',
      rule: 'drop-database',
      reason: 'Dropping a database is a change request.',
    },
  })
  expect(run).not.toHaveBeenCalled()
  expect(callsOf('request')).toEqual([])
  const [span] = spans.named('execute_tool drop_database')
  expect(span?.attributes).toMatchObject({
    'holdpoint.ruling': 'deny',
    'holdpoint.outcome': 'not_run',
    'error.type': 'approval_denied',
  })
  expect(span?.status.code).toBe(2)
})

test('gate - a held action runs once, with the approved values, after a person has approved it', async () => {
  const given = { region: 'eu', nested: { limit: 100 } }
  const run = vi.fn((approved: unknown) => structuredClone(approved))
  const held = scene.gate.hold(attempt({ arguments: given, agentName: 'Clerk', conversation: 'c-1' }), run)
  await opened()
  // The agent changes its arguments while a person looks at them.
  given.nested.limit = 1_000_000
  expect(run).not.toHaveBeenCalled()
  scene.broker.decide(lastRequest(), 'approved')
  expect(await held).toEqual({ ran: true, value: { region: 'eu', nested: { limit: 100 } } })
  expect(run).toHaveBeenCalledTimes(1)
  expect(() => {
    ;(run.mock.calls[0]?.[0] as { region: string }).region = 'us'
  }).toThrow(TypeError)
  await scene.gate.flush(2_000)
  const consumed = scene.broker.calls.findLast(({ name }) => name === 'consume')?.body
  expect(scene.broker.outcomes.at(-1)).toEqual({
    requestId: lastRequest().requestId,
    nonce: consumed?.nonce,
    outcome: 'executed',
  })
})

test('gate - the span of an approved action names approver, decision and digest; the wait is its child', async () => {
  scene.broker.onRequest = () => 'approved'
  await scene.gate.hold(
    attempt({ target: 'crm', agentName: 'Clerk', conversation: 'c-1', attempt: 'call-x' }),
    () => {
      trace.getTracer('tool').startSpan('inside').end()
    },
  )
  const [span] = spans.named('execute_tool export_customers')
  const [wait] = spans.named('await_approval export_customers')
  const [inside] = spans.named('inside')
  const request = lastRequest()
  expect(span?.attributes).toMatchObject({
    'gen_ai.tool.call.id': 'call-x',
    'gen_ai.agent.name': 'Clerk',
    'gen_ai.conversation.id': 'c-1',
    'holdpoint.action.target': 'crm',
    'holdpoint.ruling': 'hold',
    'holdpoint.policy.rule': 'export',
    'holdpoint.approval.id': request.requestId,
    'holdpoint.approval.decision': 'approved',
    'holdpoint.approval.channel': 'cli',
    'holdpoint.approval.assurance': 'login',
    'holdpoint.approval.approver.id': 'https://idp.example.com#rosa',
    'holdpoint.approval.approver.name': 'Rosa Reviewer',
    'holdpoint.approval.approvers': ['https://idp.example.com#rosa'],
    'holdpoint.outcome': 'executed',
  })
  expect(span?.attributes['holdpoint.approval.wait_ms']).toBeGreaterThanOrEqual(0)
  expect(wait?.parentSpanContext?.spanId).toBe(span?.spanContext().spanId)
  expect(inside?.parentSpanContext?.spanId).toBe(span?.spanContext().spanId)
  expect(request.attempt.action.trace).toEqual({
    traceId: span?.spanContext().traceId,
    spanId: span?.spanContext().spanId,
  })
})

test('gate - a denial carries the reviewer’s reason to the model, and the action never runs', async () => {
  const run = vi.fn()
  const held = scene.gate.hold(attempt(), run)
  await opened()
  scene.broker.decide(lastRequest(), 'denied', 'Not before the audit is over')
  const answer = await held
  expect(answer).toMatchObject({ ran: false, refusal: { code: 'APPROVAL_DENIED' } })
  if (answer.ran) throw new Error('it ran')
  expect(answer.refusal.reason).toBe('Not before the audit is over')
  expect(answer.refusal.message).toContain('Not before the audit is over.')
  expect(answer.refusal.message).toContain('Do not send it again')
  expect(run).not.toHaveBeenCalled()
  const [span] = spans.named('execute_tool export_customers')
  expect(span?.attributes).toMatchObject({
    'holdpoint.approval.decision': 'denied',
    'holdpoint.approval.reason': 'Not before the audit is over',
    'holdpoint.approval.approver.name': 'Rosa Reviewer',
    'holdpoint.outcome': 'not_run',
    'error.type': 'approval_denied',
  })
})

test('gate - expired is not denied, neither to the model nor on the span', async () => {
  const run = vi.fn()
  scene.broker.onRequest = () => 'expired'
  const answer = await scene.gate.hold(attempt(), run)
  expect(answer).toMatchObject({ ran: false, refusal: { code: 'APPROVAL_EXPIRED' } })
  if (answer.ran) throw new Error('it ran')
  expect(answer.refusal.message).toContain('this is not a denial')
  expect(run).not.toHaveBeenCalled()
  expect(spans.named('execute_tool export_customers')[0]?.attributes).toMatchObject({
    'holdpoint.approval.decision': 'expired',
    'error.type': 'approval_expired',
  })
})

test('gate - an error of the tool reaches the caller unchanged, and is reported as failed', async () => {
  scene.broker.onRequest = () => 'approved'
  const error = new RangeError('disk full')
  const held = scene.gate.hold(attempt(), () => Promise.reject(error))
  await expect(held).rejects.toBe(error)
  await scene.gate.flush(2_000)
  expect(scene.broker.outcomes.at(-1)).toMatchObject({ outcome: 'failed', errorType: 'RangeError' })
  expect(spans.named('execute_tool export_customers')[0]?.attributes).toMatchObject({
    'holdpoint.outcome': 'failed',
    'error.type': 'RangeError',
  })
})

const cyclic: Record<string, unknown> = {}
cyclic.self = cyclic
test.each([
  ['a bigint', { amount: 1n }],
  ['a cycle', cyclic],
  ['an instance of a class', { when: new Date(0) }],
  ['a lone surrogate', { name: '\ud800' }],
  ['an integer beyond 2^53', { amount: 2 ** 53 }],
  ['NaN', { amount: Number.NaN }],
  ['a function', { callback: () => 1 }],
  ['nothing', undefined],
])('gate - arguments with %s are refused, whatever policy says', async (_what, given) => {
  const run = vi.fn()
  for (const name of ['lookup_customer', 'export_customers']) {
    const held = await scene.gate.hold(attempt({ name, arguments: given }), run)
    expect(held).toMatchObject({ ran: false, refusal: { code: 'INVALID_INPUT' } })
  }
  expect(run).not.toHaveBeenCalled()
  expect(callsOf('request')).toEqual([])
})

test('gate - a span of the framework is annotated and left open', async () => {
  scene.broker.onRequest = () => 'approved'
  const span = trace.getTracer('framework').startSpan('execute_tool export_customers')
  await scene.gate.hold(attempt({ annotate: span }), () => 1)
  expect(span.isRecording()).toBe(true)
  span.end()
  const named = spans.named('execute_tool export_customers')
  expect(named).toHaveLength(1)
  expect(named[0]?.attributes['holdpoint.approval.decision']).toBe('approved')
  expect(lastRequest().attempt.action.trace.spanId).toBe(span.spanContext().spanId)
})

test('gate - a digest on an allowed action tells equal arguments apart from others, within one process only', async () => {
  for (const limit of [1, 1, 2])
    await scene.gate.hold(attempt({ name: 'lookup_x', arguments: { limit } }), () => 1)
  const digests = spans
    .named('execute_tool lookup_x')
    .map((span) => span.attributes['holdpoint.action.digest'])
  expect(digests[0]).toBe(digests[1])
  expect(digests[2]).not.toBe(digests[0])
})

test('gate - where policy is only observed, everything runs and the ruling is recorded', async () => {
  const staging = await startScene()
  const version = 2
  staging.broker.publishPolicy(
    'holdpoint: 1\nmode: observe\ndefaults: { effect: deny, approvals: { from: [sre] } }\ngroups: { sre: [oidc:https://idp.example.com#group/sre] }\n',
    version,
  )
  try {
    await vi.waitFor(async () => {
      const held = await staging.gate.hold(attempt({ name: 'drop_all' }), () => 'ran')
      expect(held).toEqual({ ran: true, value: 'ran' })
    })
    expect(staging.broker.requests).toEqual([])
    expect(spans.named('execute_tool drop_all').at(-1)?.attributes).toMatchObject({
      'holdpoint.ruling': 'deny',
      'holdpoint.policy.version': version,
      'holdpoint.outcome': 'executed',
    })
  } finally {
    await staging.stop()
  }
})

test('gate - without a tracer provider it still holds, and the trace is all zeros', async () => {
  trace.disable()
  try {
    const gate = createGate(configFor(scene.broker, scene.nats.url), { now: Date.now })
    await gate.start()
    scene.broker.onRequest = () => 'denied'
    const run = vi.fn()
    expect(await gate.hold(attempt(), run)).toMatchObject({
      ran: false,
      refusal: { code: 'APPROVAL_DENIED' },
    })
    expect(run).not.toHaveBeenCalled()
    expect(lastRequest().attempt.action.trace).toEqual({ traceId: '0'.repeat(32), spanId: '0'.repeat(16) })
    await gate.stop()
  } finally {
    spans = recordSpans()
  }
})

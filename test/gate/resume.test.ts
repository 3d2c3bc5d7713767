import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { createGate, type Gate, type PendingApproval } from '#gate'
import { attempt, type Scene, startScene } from '../support/gate-scene.ts'
import { type RecordedSpans, recordSpans } from '../support/spans.ts'

let scene: Scene
let spans: RecordedSpans
/** Another process of the same agent. */
let later: Gate

beforeAll(async () => {
  spans = recordSpans()
  scene = await startScene()
  later = createGate(scene.config, { now: Date.now })
  await later.start()
})
afterAll(async () => {
  await later.stop()
  await scene.stop()
  await spans.stop()
})
beforeEach(() => spans.reset())
afterEach(() => {
  scene.broker.onRequest = () => undefined
  scene.broker.intercept = (_call, honest) => honest
  scene.broker.requests.length = 0
  scene.broker.calls.length = 0
})

/** As it comes back out of somebody's store. */
async function asked(more = {}): Promise<PendingApproval> {
  const answer = await scene.gate.request(attempt(more))
  if (answer.status !== 'pending') throw new Error(`expected pending, got ${JSON.stringify(answer)}`)
  return JSON.parse(JSON.stringify(answer.approval))
}
const latest = () => {
  const request = scene.broker.requests.at(-1)
  if (request === undefined) throw new Error('nothing was asked')
  return request
}
async function resumed(approval: unknown, options = {}) {
  const run = vi.fn((approved: unknown) => approved)
  const answer = await later.resume(approval as PendingApproval, options)
  if (answer.permitted) await answer.run(run)
  return { answer, run }
}

test('gate - what one process asked, another runs after the approval, with the approved arguments', async () => {
  const approval = await asked({ conversation: 'conv-1' })
  expect(latest().process).toBeUndefined()
  expect((await resumed(approval)).answer).toEqual({ permitted: false, pending: approval })
  scene.broker.decide(latest(), 'approved')
  const { run } = await resumed(approval, { agentName: 'Clerk' })
  expect(run).toHaveBeenCalledWith({ region: 'eu', limit: 100 })
  await vi.waitFor(() => expect(scene.broker.outcomes.at(-1)).toMatchObject({ outcome: 'executed' }))
  const [span] = spans.named('execute_tool export_customers')
  expect(span?.attributes).toMatchObject({
    'gen_ai.agent.name': 'Clerk',
    'holdpoint.approval.id': approval.requestId,
    'holdpoint.approval.decision': 'approved',
    'holdpoint.policy.rule': 'export',
    'holdpoint.outcome': 'executed',
  })
  expect(span?.links[0]?.context.spanId).toBe(approval.action.trace.spanId)
})

test('gate - a question that nobody waits for is a span of its own, and no action', async () => {
  await asked()
  const [span, ...more] = spans.all()
  expect(more).toEqual([])
  expect(span?.name).toBe('request_approval export_customers')
  expect(Object.keys(span?.attributes ?? {}).filter((key) => key.startsWith('holdpoint.'))).toEqual([])
})

test('gate - one approval is run once, however often it is resumed', async () => {
  const approval = await asked()
  scene.broker.decide(latest(), 'approved')
  const answers = await Promise.all([resumed(approval), resumed(approval), resumed(approval)])
  expect(answers.filter(({ run }) => run.mock.calls.length > 0)).toHaveLength(1)
  expect((await resumed(approval)).answer).toMatchObject({ refusal: { code: 'ALREADY_SPENT' } })
})

test.each([
  ['denied', 'APPROVAL_DENIED'],
  ['expired', 'APPROVAL_EXPIRED'],
  ['cancelled', 'APPROVAL_CANCELLED'],
] as const)('gate - what was %s is refused when it is resumed, and says why', async (decision, code) => {
  const approval = await asked()
  scene.broker.decide(latest(), decision, 'Audit first')
  const { answer, run } = await resumed(approval)
  expect(answer).toMatchObject({ permitted: false, refusal: { code, requestId: approval.requestId } })
  expect(run).not.toHaveBeenCalled()
  expect(spans.named('execute_tool export_customers')[0]?.attributes['holdpoint.outcome']).toBe('not_run')
})

test('gate - it waits as long as its caller says, and no longer', async () => {
  const approval = await asked()
  expect(await later.resume(approval, { waitMs: 30 })).toMatchObject({
    pending: { requestId: approval.requestId },
  })
  // Longer than any timer.
  const waiting = resumed(approval, { waitMs: 2 ** 33 })
  await vi.waitFor(() =>
    expect(scene.broker.calls.filter(({ name }) => name === 'claim').length).toBeGreaterThan(1),
  )
  scene.broker.decide(latest(), 'approved')
  expect((await waiting).run).toHaveBeenCalledTimes(1)
})

test.each([
  [
    'other arguments',
    (one: PendingApproval) => ({ ...one, action: { ...one.action, arguments: { limit: 1e6 } } }),
  ],
  ['another name', (one: PendingApproval) => ({ ...one, action: { ...one.action, name: 'export_all' } })],
  ['another target', (one: PendingApproval) => ({ ...one, action: { ...one.action, target: 'prod' } })],
  ['another salt', (one: PendingApproval) => ({ ...one, salt: 'A'.repeat(22) })],
  [
    'somebody acted for',
    (one: PendingApproval) => ({ ...one, onBehalfOf: [{ iss: 'https://x', sub: 'eve' }] }),
  ],
  ['another digest', (one: PendingApproval) => ({ ...one, actionDigest: `sha-256:${'0'.repeat(64)}` })],
  ['a resource', (one: PendingApproval) => ({ ...one, resource: 'billing' })],
])(
  'gate - an approval in whose record %s was put is refused before anybody is asked',
  async (_what, change) => {
    const approval = await asked()
    scene.broker.decide(latest(), 'approved')
    scene.broker.calls.length = 0
    const { answer, run } = await resumed(change(approval))
    expect(answer).toMatchObject({ permitted: false, refusal: { code: 'WARRANT_MISMATCH' } })
    expect(run).not.toHaveBeenCalled()
    expect(scene.broker.calls).toEqual([])
  },
)

test('gate - the approval of one request is not good for the record of another', async () => {
  const mine = await asked({ arguments: { limit: 1 } })
  scene.broker.decide(latest(), 'approved')
  const theirs = await asked({ arguments: { limit: 1_000_000 } })
  const { answer, run } = await resumed({ ...theirs, requestId: mine.requestId })
  expect(answer).toMatchObject({ permitted: false, refusal: { code: 'WARRANT_MISMATCH' } })
  expect(run).not.toHaveBeenCalled()
})

test.each([
  ['nothing', undefined],
  ['a text', 'approved'],
  ['one without an action', { v: 1, requestId: '1-x' }],
  ['one of a later version', { v: 2 }],
])('gate - %s in place of an approval is refused by name', async (_what, wrong) => {
  const { answer } = await resumed(wrong)
  expect(answer).toMatchObject({ permitted: false, refusal: { code: 'INVALID_INPUT' } })
})

test('gate - what is no record at all is withdrawn and looked at in vain, and throws nothing', async () => {
  for (const wrong of [undefined, null, 'approved', {}, { requestId: 7 }] as unknown as PendingApproval[]) {
    expect(await later.look(wrong)).toBe('refused')
    expect(await later.withdraw(wrong)).toBeUndefined()
  }
})

test('gate - a warrant for the span that asked is not good for the one that runs', async () => {
  const approval = await asked()
  scene.broker.decide(latest(), 'approved')
  const calls: object[] = []
  let early: Record<string, unknown> | undefined
  scene.broker.intercept = ({ name, body }, honest) => {
    if (name !== 'claim') return honest
    calls.push(body)
    early ??= honest
    return early
  }
  const { answer, run } = await resumed(approval)
  expect(calls[1]).toHaveProperty('trace')
  expect(answer).toMatchObject({ permitted: false, refusal: { code: 'WARRANT_MISMATCH' } })
  expect(run).not.toHaveBeenCalled()
})

test('gate - what policy allows or denies needs no later', async () => {
  expect(await scene.gate.request(attempt({ name: 'lookup_customer' }))).toEqual({ status: 'allowed' })
  expect(await scene.gate.request(attempt({ name: 'drop_database' }))).toMatchObject({
    status: 'refused',
    refusal: { code: 'POLICY_DENIED' },
  })
  expect(scene.broker.requests).toEqual([])
})

test('gate - what is withdrawn is cancelled, and a late approval runs nothing', async () => {
  const approval = await asked()
  await scene.gate.withdraw(approval)
  expect(latest().state).toBe('cancelled')
  expect((await resumed(approval)).answer).toMatchObject({ refusal: { code: 'APPROVAL_CANCELLED' } })
})

test('gate - a doubt asks people for what policy allows; the broker is told it', async () => {
  scene.broker.onRequest = () => 'denied'
  const held = await scene.gate.hold(attempt({ name: 'lookup_customer', doubt: 'unknown tool' }), () => 'ran')
  expect(held).toMatchObject({ ran: false, refusal: { code: 'APPROVAL_DENIED' } })
  expect(latest().attempt.doubt).toBe('unknown tool')
})

test('gate - a call that cannot wait runs where policy allows it, and is refused where people would be asked', () => {
  const run = vi.fn((approved: unknown) => approved)
  expect(scene.gate.holdSync(attempt({ name: 'lookup_customer' }), run)).toEqual({
    ran: true,
    value: { region: 'eu', limit: 100 },
  })
  expect(scene.gate.holdSync(attempt(), run)).toMatchObject({
    ran: false,
    refusal: { code: 'APPROVAL_IMPOSSIBLE', message: expect.stringMatching(/cannot wait/) },
  })
  expect(scene.gate.holdSync(attempt({ name: 'drop_database' }), run)).toMatchObject({
    refusal: { code: 'POLICY_DENIED' },
  })
  expect(run).toHaveBeenCalledTimes(1)
  expect(scene.broker.requests).toEqual([])
})

test('gate - a call that cannot wait, before any policy is known, is refused', () => {
  const gate = createGate(scene.config, { now: Date.now })
  expect(gate.holdSync(attempt({ name: 'lookup_customer' }), () => 'ran')).toMatchObject({
    ran: false,
    refusal: { code: 'POLICY_UNAVAILABLE' },
  })
})

test('gate - looking at a request says what people have said, and spends nothing', async () => {
  const approval = await asked()
  expect(await later.look(approval)).toBe('pending')
  scene.broker.decide(latest(), 'approved')
  expect(await later.look(approval)).toBe('approved')
  expect(await later.look(approval)).toBe('approved')
  expect(scene.broker.calls.filter(({ name }) => name === 'consume')).toEqual([])
  const { run } = await resumed(approval)
  expect(run).toHaveBeenCalledTimes(1)
  expect(await later.look(approval)).toBe('refused')
})

test.each(['denied', 'expired', 'cancelled'] as const)(
  'gate - looking at a request that was %s says that it is refused',
  async (decision) => {
    const approval = await asked()
    scene.broker.decide(latest(), decision)
    expect(await later.look(approval)).toBe('refused')
  },
)

test('gate - looking at a request says that nothing is known where the broker does not answer', async () => {
  const approval = await asked()
  scene.broker.intercept = ({ name }, honest) => (name === 'claim' ? undefined : honest)
  expect(await later.look(approval)).toBe('unknown')
  scene.broker.intercept = ({ name }, honest) => (name === 'claim' ? { status: 'granted' } : honest)
  expect(await later.look(approval)).toBe('unknown')
})

test('gate - what its caller adds to a resumption has it spent nevertheless, and does not rename it', async () => {
  const approval = await asked()
  scene.broker.decide(latest(), 'approved')
  // A caller who spreads the attempt that it asked with, of which types say nothing.
  const more = { resource: 'billing', target: 'elsewhere', doubt: 'none', arguments: { limit: 1e6 } }
  const { run } = await resumed(approval, more)
  expect(run.mock.calls).toEqual([[{ region: 'eu', limit: 100 }]])
  expect(scene.broker.calls.filter(({ name }) => name === 'consume')).toHaveLength(1)
  expect((await resumed(approval, more)).answer).toMatchObject({ refusal: { code: 'ALREADY_SPENT' } })
  const [span] = spans.named('execute_tool export_customers')
  expect(JSON.stringify(span?.attributes)).not.toContain('elsewhere')
})

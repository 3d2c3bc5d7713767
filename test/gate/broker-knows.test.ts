import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { FILES, readPin } from '#broker'
import { createGate, type Gate, type GateAttempt } from '#gate'
import { reviewAs } from '../support/held.ts'
import { type House, POLICY, startHouse } from '../support/house.ts'
import { type RecordedSpans, recordSpans } from '../support/spans.ts'

const RULES = `rules:
  - { id: first-time, match: { kind: tool, name: read_mail }, when: facts.recent_denials == 0, effect: allow }
  - { id: for-carol, match: { kind: tool, name: read_file }, when: 'onBehalfOf.exists(p, p.sub == "carol")', effect: allow }
`
let house: House
let gate: Gate
let spans: RecordedSpans
beforeAll(async () => {
  spans = recordSpans()
  house = await startHouse({ policy: `${POLICY.replace('rules:\n', RULES)}quotas: { pending: 2 }\n` })
  await house.agent('shop-agent')
  gate = createGate(
    {
      natsUrl: house.natsUrl,
      credentials: house.home.read(FILES.agentCredentials('shop-agent')),
      agentId: 'shop-agent',
      pin: readPin(house.home),
      serviceName: 'shop',
      host: 'test-host',
    },
    { now: house.clock.now },
  )
  await gate.start()
})
afterAll(async () => {
  await gate.stop()
  await house.stop()
  await spans.stop()
})

const attempt = (name: string, more: Partial<GateAttempt> = {}): GateAttempt => ({
  kind: 'tool',
  name,
  arguments: { of: name },
  ...more,
})
const pending = async () => (await house.desk.list(house.token('bob'))).requests

test('gate and broker - what only the broker can rule on runs by its signature, without a person', async () => {
  expect(await gate.hold(attempt('read_mail'), () => 'mail')).toEqual({ ran: true, value: 'mail' })
  const onBehalfOf = [house.token('carol')]
  expect(await gate.hold(attempt('read_file', { onBehalfOf }), () => 'file')).toEqual({
    ran: true,
    value: 'file',
  })
  expect(spans.named('execute_tool read_file')[0]?.attributes).toMatchObject({
    'holdpoint.ruling': 'allow',
    'holdpoint.policy.rule': 'for-carol',
    'holdpoint.outcome': 'executed',
  })
  expect((await house.desk.list(house.token('bob'), { state: 'all' })).total).toBe(0)
})

test('gate and broker - a token that proves nothing allows nothing', async () => {
  const run = vi.fn()
  const caller = new AbortController()
  const held = gate.hold(attempt('read_file', { onBehalfOf: ['carol, really'], signal: caller.signal }), run)
  await vi.waitFor(async () => expect(await pending()).toHaveLength(1))
  caller.abort()
  expect(await held).toMatchObject({ ran: false })
  expect(run).not.toHaveBeenCalled()
  await vi.waitFor(async () => expect(await pending()).toHaveLength(0))
})

test('gate and broker - a denial is remembered, and its words reach the model again', async () => {
  const run = vi.fn()
  const held = gate.hold(attempt('export_customers'), run)
  await vi.waitFor(async () => expect(await pending()).toHaveLength(1))
  const requestId = (await pending())[0]?.requestId ?? ''
  await reviewAs(house, 'bob', requestId, 'deny', 'Use the masked export.')
  expect(await held).toMatchObject({ ran: false, refusal: { code: 'APPROVAL_DENIED' } })
  const again = await gate.hold(attempt('export_customers'), run)
  expect(again).toMatchObject({
    ran: false,
    refusal: {
      code: 'APPROVAL_DENIED',
      requestId,
      reason: 'Bob Berger denied the same action before: Use the masked export.',
      message: expect.stringContaining('Do not send it again'),
    },
  })
  expect(run).not.toHaveBeenCalled()
  expect(spans.named('execute_tool export_customers').at(-1)?.attributes).toMatchObject({
    'holdpoint.approval.id': requestId,
    'holdpoint.approval.decision': 'denied',
    'holdpoint.outcome': 'not_run',
    'error.type': 'approval_denied',
  })
})

test('gate and broker - beyond its quota the gate is told, and asks no more', async () => {
  const caller = new AbortController()
  const waiting = [1, 2].map((nth) =>
    gate.hold(attempt('export_orders', { arguments: { nth }, signal: caller.signal }), () => nth),
  )
  await vi.waitFor(async () => expect(await pending()).toHaveLength(2))
  for (let nth = 3; nth < 6; nth++)
    expect(await gate.hold(attempt('export_orders', { arguments: { nth } }), () => nth)).toMatchObject({
      ran: false,
      refusal: { code: 'TOO_MANY', message: expect.stringContaining('do not retry') },
    })
  expect(house.lines.filter((line) => line.includes('an agent is refused at its source'))).toHaveLength(1)
  expect(await gate.hold(attempt('lookup_customer'), () => 'found')).toEqual({ ran: true, value: 'found' })
  caller.abort()
  await Promise.all(waiting)
})

import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { FILES, readPin } from '#broker'
import { createGate, type Gate, type GateAttempt } from '#gate'
import { type House, startHouse } from '../support/house.ts'
import { type RecordedSpans, recordSpans } from '../support/spans.ts'

/** A busy machine is no fault. */
const PATIENT = { timeout: 10_000 }

let house: House
let gate: Gate
let spans: RecordedSpans

beforeAll(async () => {
  spans = recordSpans()
  house = await startHouse({ heartbeatMs: 200 })
  await house.agent('shop-agent', { owner: 'alice' })
  gate = gateOf('shop-agent')
  await gate.start()
})
afterAll(async () => {
  await gate.stop()
  await house.stop()
  await spans.stop()
})

const gateOf = (agentId: string, credentialsOf = agentId): Gate =>
  createGate(
    {
      natsUrl: house.natsUrl,
      credentials: house.home.read(FILES.agentCredentials(credentialsOf)),
      agentId,
      pin: readPin(house.home),
      serviceName: 'shop',
      host: 'test-host',
      requestTimeoutMs: 1_000,
    },
    { now: house.clock.now },
  )

let calls = 0
const attempt = (more: Partial<GateAttempt> = {}): GateAttempt => ({
  kind: 'tool',
  name: 'export_customers',
  arguments: { limit: ++calls },
  ...more,
})

async function review(verdict: 'approve' | 'deny', reason = 'as agreed'): Promise<string> {
  const [request] = await vi.waitFor(async () => {
    const { requests: pending } = await house.desk.list(house.token('bob'))
    expect(pending).toHaveLength(1)
    return pending
  }, PATIENT)
  const requestId = request?.requestId ?? ''
  const { renderHash } = await house.desk.show(house.token('bob'), requestId)
  await house.desk.review({
    requestId,
    verdict,
    reason,
    renderHash,
    channel: 'cli',
    token: house.token('bob'),
  })
  return requestId
}

test('gate and broker - an approved action runs once, and both names are on its span', async () => {
  const run = vi.fn((given: unknown) => given)
  const held = gate.hold(attempt(), run)
  const requestId = await review('approve')
  expect(await held).toEqual({ ran: true, value: { limit: calls } })
  expect(run).toHaveBeenCalledTimes(1)
  const [span] = spans.named('execute_tool export_customers')
  expect(span?.attributes).toMatchObject({
    'gen_ai.agent.id': 'shop-agent',
    'holdpoint.approval.id': requestId,
    'holdpoint.approval.decision': 'approved',
    'holdpoint.approval.approver.id': expect.stringMatching(/#bob$/),
    'holdpoint.outcome': 'executed',
  })
  await gate.flush(2_000)
})

test('gate and broker - a denied action never runs, and the reviewer’s reason reaches the model', async () => {
  const run = vi.fn()
  const held = gate.hold(attempt(), run)
  await review('deny', 'Not before the audit')
  expect(await held).toMatchObject({
    ran: false,
    refusal: { code: 'APPROVAL_DENIED', reason: 'Not before the audit' },
  })
  expect(run).not.toHaveBeenCalled()
})

test('gate and broker - an aborted action is cancelled at the broker', async () => {
  const caller = new AbortController()
  const held = gate.hold(attempt({ signal: caller.signal }), () => 1)
  await vi.waitFor(
    async () => expect(await house.desk.list(house.token('bob'))).toMatchObject({ total: 1 }),
    PATIENT,
  )
  caller.abort()
  expect(await held).toMatchObject({ ran: false, refusal: { code: 'APPROVAL_CANCELLED' } })
  await vi.waitFor(
    async () => expect(await house.desk.list(house.token('bob'))).toEqual({ requests: [], total: 0 }),
    PATIENT,
  )
})

test('gate and broker - a newer policy reaches the gate by itself', async () => {
  const lookup = () => gate.hold(attempt({ name: 'lookup_customer' }), () => 'found')
  expect(await lookup()).toEqual({ ran: true, value: 'found' })
  const { POLICY } = await import('../support/house.ts')
  await house.publishPolicy(POLICY.replace('"lookup_*" }, effect: allow', '"lookup_*" }, effect: deny'))
  await vi.waitFor(async () => expect(await lookup()).toMatchObject({ ran: false }), PATIENT)
  await house.publishPolicy(POLICY)
  await vi.waitFor(async () => expect(await lookup()).toMatchObject({ ran: true }), PATIENT)
})

test('gate and broker - another agent’s credentials open nothing', async () => {
  await house.agent('other-agent')
  const impostor = gateOf('shop-agent', 'other-agent')
  await impostor.start()
  const run = vi.fn()
  expect(await impostor.hold(attempt(), run)).toMatchObject({
    ran: false,
    refusal: { code: 'BROKER_UNAVAILABLE' },
  })
  expect(run).not.toHaveBeenCalled()
  await impostor.stop()
})

test('gate and broker - a broker that restarts under a held action finds it again', async () => {
  const held = gate.hold(attempt(), () => 'ran')
  await vi.waitFor(
    async () => expect(await house.desk.list(house.token('bob'))).toMatchObject({ total: 1 }),
    PATIENT,
  )
  await house.broker().stop()
  await house.startBroker()
  await review('approve')
  expect(await held).toEqual({ ran: true, value: 'ran' })
})

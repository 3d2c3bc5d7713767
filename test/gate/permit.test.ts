import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { attempt, type Scene, startScene } from '../support/gate-scene.ts'
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

const callsOf = (name: string) => scene.broker.calls.filter((call) => call.name === name)
const lastRequest = () => scene.broker.requests.at(-1) as (typeof scene.broker.requests)[number]

test('gate - an abort cancels at the broker, and a late approval executes nothing', async () => {
  const run = vi.fn()
  const caller = new AbortController()
  const held = scene.gate.hold(attempt({ signal: caller.signal }), run)
  // It has its request, and waits for people.
  await vi.waitFor(() => expect(callsOf('claim')).not.toEqual([]))
  const request = lastRequest()
  caller.abort()
  expect(await held).toMatchObject({ ran: false, refusal: { code: 'APPROVAL_CANCELLED' } })
  await vi.waitFor(() => expect(request.state).toBe('cancelled'))
  scene.broker.decide(request, 'approved')
  expect(run).not.toHaveBeenCalled()
  expect(callsOf('consume')).toEqual([])
  expect(spans.named('execute_tool export_customers')[0]?.attributes).toMatchObject({
    'holdpoint.approval.decision': 'cancelled',
    'error.type': 'approval_cancelled',
  })
})

test('gate - an abort while the broker is being asked cancels the request that it opens', async () => {
  const caller = new AbortController()
  scene.broker.intercept = (call, honest) => {
    if (call.name === 'request') caller.abort()
    return honest
  }
  const run = vi.fn()
  const held = await scene.gate.hold(attempt({ signal: caller.signal }), run)
  expect(held).toMatchObject({ ran: false, refusal: { code: 'APPROVAL_CANCELLED' } })
  await vi.waitFor(() => expect(lastRequest().state).toBe('cancelled'))
  expect(run).not.toHaveBeenCalled()
})

test('gate - an abort between the spending and the effect leaves the action unrun, and the ledger is told', async () => {
  const caller = new AbortController()
  scene.broker.onRequest = () => 'approved'
  scene.broker.intercept = (call, honest) => {
    if (call.name === 'consume') caller.abort()
    return honest
  }
  const run = vi.fn()
  const held = await scene.gate.hold(attempt({ signal: caller.signal }), run)
  expect(held).toMatchObject({ ran: false, refusal: { code: 'APPROVAL_CANCELLED' } })
  expect(run).not.toHaveBeenCalled()
  await scene.gate.flush(2_000)
  expect(scene.broker.outcomes.at(-1)).toMatchObject({ outcome: 'failed', errorType: 'not_run' })
})

test('gate - an action whose caller has already gone is not even asked for', async () => {
  const run = vi.fn()
  for (const name of ['lookup_customer', 'export_customers']) {
    const held = await scene.gate.hold(attempt({ name, signal: AbortSignal.abort() }), run)
    expect(held).toMatchObject({ ran: false, refusal: { code: 'APPROVAL_CANCELLED' } })
  }
  expect(run).not.toHaveBeenCalled()
  expect(callsOf('request')).toEqual([])
})

test('gate - a permit runs once', async () => {
  scene.broker.onRequest = () => 'approved'
  const answer = await scene.gate.ask(attempt())
  if (!answer.permitted) throw new Error(answer.refusal.message)
  const run = vi.fn(() => 1)
  expect(await answer.run(run)).toBe(1)
  await expect(answer.run(run)).rejects.toMatchObject({ code: 'ALREADY_SPENT' })
  expect(run).toHaveBeenCalledTimes(1)
})

test('gate - an abandoned permit cannot be run, and the ledger is told that nothing ran', async () => {
  scene.broker.onRequest = () => 'approved'
  const answer = await scene.gate.ask(attempt())
  if (!answer.permitted) throw new Error(answer.refusal.message)
  answer.abandon()
  await expect(answer.run(() => 1)).rejects.toMatchObject({ code: 'ALREADY_SPENT' })
  await scene.gate.flush(2_000)
  expect(scene.broker.outcomes.at(-1)).toMatchObject({ requestId: answer.requestId, outcome: 'failed' })
})

test('gate - concurrent calls are held independently', async () => {
  const before = scene.broker.requests.length
  const first = scene.gate.hold(attempt({ attempt: 'first' }), () => 'first')
  const second = scene.gate.hold(attempt({ attempt: 'second' }), () => 'second')
  await vi.waitFor(() => expect(scene.broker.requests.length).toBe(before + 2))
  const requestOf = (id: string) => {
    const found = scene.broker.requests.find((request) => request.attempt.attempt === id)
    if (found === undefined) throw new Error(`no request of ${id}`)
    return found
  }
  scene.broker.decide(requestOf('second'), 'approved')
  expect(await second).toEqual({ ran: true, value: 'second' })
  scene.broker.decide(requestOf('first'), 'denied')
  expect(await first).toMatchObject({ ran: false })
})

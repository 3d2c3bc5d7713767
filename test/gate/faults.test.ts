import { afterEach, expect, test, vi } from 'vitest'
import { createGate } from '#gate'
import { attempt, configFor, POLICY, type Scene, startScene } from '../support/gate-scene.ts'
import { startNats } from '../support/nats.ts'
import { createScriptedBroker, type ScriptedRequest } from '../support/scripted-broker.ts'

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})
async function scene(options?: Parameters<typeof startScene>[0]): Promise<Scene> {
  const started = await startScene(options)
  stops.push(() => started.stop())
  return started
}
const opened = (one: Scene) =>
  vi.waitFor(() => {
    const request = one.broker.requests.at(-1)
    expect(request?.state).toBe('pending')
    return request as ScriptedRequest
  })

test('gate - starts while NATS is down, refuses, and recovers by itself', async () => {
  const probe = await startNats()
  const port = Number(new URL(probe.url).port)
  await probe.stop()
  const broker = createScriptedBroker({ policy: POLICY })
  const config = { ...configFor(broker, `nats://127.0.0.1:${port}`), requestTimeoutMs: 200 }
  const gate = createGate(config, { now: Date.now })
  await gate.start()
  stops.push(() => gate.stop())
  const run = vi.fn(() => 'ran')
  const refused = await gate.hold(attempt({ name: 'lookup_customer' }), run)
  expect(refused).toMatchObject({ ran: false, refusal: { code: 'BROKER_UNAVAILABLE' } })
  expect(run).not.toHaveBeenCalled()

  const nats = await startNats({ port })
  stops.push(() => nats.stop())
  await broker.start(nats.url)
  stops.push(() => broker.stop())
  await vi.waitFor(
    async () =>
      expect(await gate.hold(attempt({ name: 'lookup_customer' }), run)).toEqual({ ran: true, value: 'ran' }),
    { timeout: 10_000 },
  )
})

test('gate - a broker that is not there refuses what would be held, after a bounded time', async () => {
  const one = await scene({ config: { requestTimeoutMs: 300 } })
  expect(await one.gate.hold(attempt({ name: 'lookup_customer' }), () => 1)).toMatchObject({ ran: true })
  await one.broker.stop()
  const startedAt = performance.now()
  const held = await one.gate.hold(attempt(), () => 1)
  expect(held).toMatchObject({ ran: false, refusal: { code: 'BROKER_UNAVAILABLE' } })
  expect(performance.now() - startedAt).toBeLessThan(3_000)
  await one.broker.start(one.nats.url)
  one.broker.onRequest = () => 'approved'
  expect(await one.gate.hold(attempt(), () => 2)).toEqual({ ran: true, value: 2 })
})

test('gate - a broker that restarts between the decision and the claim is waited for', async () => {
  const one = await scene()
  const held = one.gate.hold(attempt(), () => 'ran')
  const request = await opened(one)
  await one.broker.stop()
  request.state = 'approved'
  await one.broker.start(one.nats.url)
  one.broker.decide(request, 'approved')
  expect(await held).toEqual({ ran: true, value: 'ran' })
})

test('gate - a broker that never comes back lets the request expire, and nothing runs', async () => {
  const one = await scene()
  one.broker.timeoutMs = 300
  const run = vi.fn()
  const held = one.gate.hold(attempt(), run)
  await opened(one)
  await one.broker.stop()
  expect(await held).toMatchObject({ ran: false, refusal: { code: 'APPROVAL_EXPIRED' } })
  expect(run).not.toHaveBeenCalled()
})

test('gate - NATS restarted under a held action: the line is made again and the decision found', async () => {
  const one = await scene()
  const port = Number(new URL(one.nats.url).port)
  const held = one.gate.hold(attempt(), () => 'ran')
  const request = await opened(one)
  await one.broker.stop()
  await one.nats.stop()
  const nats = await startNats({ port })
  stops.push(() => nats.stop())
  request.state = 'approved'
  await one.broker.start(nats.url)
  expect(await held).toEqual({ ran: true, value: 'ran' })
})

test('gate - a lost hint is made up for by the next heartbeat', async () => {
  const one = await startSilently(50)
  const held = one.gate.hold(attempt(), () => 'ran')
  const request = await opened(one)
  one.broker.decide(request, 'approved')
  expect(await held).toEqual({ ran: true, value: 'ran' })
  const beat = one.broker.calls.find(
    ({ name, body }) => name === 'heartbeat' && (body.waiting as string[]).length > 0,
  )
  expect(beat?.body).toEqual({ process: request.process, waiting: [request.requestId] })
})

test('gate - heartbeats that say nothing are made up for by the slow poll', async () => {
  const one = await startSilently(50)
  one.broker.intercept = ({ name }, honest) => (name === 'heartbeat' ? { ...honest, settled: [] } : honest)
  const held = one.gate.hold(attempt(), () => 'ran')
  one.broker.decide(await opened(one), 'approved')
  expect(await held).toEqual({ ran: true, value: 'ran' })
})

test('gate - a newer policy that a heartbeat tells of is fetched', async () => {
  const one = await startSilently(50)
  expect(await one.gate.hold(attempt({ name: 'lookup_customer' }), () => 1)).toMatchObject({ ran: true })
  one.broker.publishPolicy(POLICY.replace('lookup_*', 'find_*').replace('drop_*', 'lookup_*'), 2)
  await vi.waitFor(async () =>
    expect(await one.gate.hold(attempt({ name: 'lookup_customer' }), () => 1)).toMatchObject({
      ran: false,
      refusal: { code: 'POLICY_DENIED' },
    }),
  )
})

test('gate - an outcome that could not be reported is reported when the broker is back', async () => {
  const one = await scene({ config: { requestTimeoutMs: 300 } })
  one.broker.onRequest = () => 'approved'
  await one.gate.hold(attempt(), () => one.broker.stop())
  await one.broker.start(one.nats.url)
  await vi.waitFor(() => expect(one.broker.outcomes).toHaveLength(1), { timeout: 10_000 })
  expect(one.broker.outcomes[0]).toMatchObject({ outcome: 'executed' })
})

test('gate - stopping cancels what is held, may be done twice, and refuses from then on', async () => {
  const one = await scene({ config: { requestTimeoutMs: 300 } })
  const run = vi.fn()
  const held = one.gate.hold(attempt(), run)
  const request = await opened(one)
  await one.gate.stop()
  await one.gate.stop()
  expect(await held).toMatchObject({ ran: false, refusal: { code: 'APPROVAL_CANCELLED' } })
  expect(request.state).toBe('cancelled')
  expect(await one.gate.hold(attempt(), run)).toMatchObject({ ran: false })
  expect(run).not.toHaveBeenCalled()
})

/** A scene whose broker never hints, with a heartbeat every so many milliseconds. */
async function startSilently(heartbeatMs: number): Promise<Scene> {
  const one = await scene()
  one.broker.hints = false
  one.broker.heartbeatMs = heartbeatMs
  await one.gate.stop()
  const gate = createGate(one.config, { now: Date.now })
  await gate.start()
  stops.push(() => gate.stop())
  return { ...one, gate }
}

test('gate - told that its policy is out of date, it fetches the newer one and rules again', async () => {
  const one = await scene()
  one.broker.hints = false
  one.broker.intercept = ({ name }, honest) => {
    if (name !== 'request') return honest
    one.broker.publishPolicy(
      POLICY.replace('name: "export_*" }\n    effect: hold', 'name: "export_*" }\n    effect: allow'),
      2,
    )
    return { error: { code: 'STALE', message: 'policy 2 allows this' } }
  }
  expect(await one.gate.hold(attempt(), () => 'ran')).toEqual({ ran: true, value: 'ran' })
  expect(one.broker.calls.filter(({ name }) => name === 'request')).toHaveLength(1)
})

test('gate - a broker that calls every policy out of date releases nothing', async () => {
  const one = await scene()
  one.broker.intercept = ({ name }, honest) =>
    name === 'request' ? { error: { code: 'STALE', message: 'always' } } : honest
  const run = vi.fn()
  expect(await one.gate.hold(attempt(), run)).toMatchObject({ ran: false, refusal: { code: 'STALE' } })
  expect(run).not.toHaveBeenCalled()
  expect(one.broker.calls.filter(({ name }) => name === 'request')).toHaveLength(2)
})

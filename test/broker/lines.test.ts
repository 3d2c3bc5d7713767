import { connect, type NatsConnection } from '@nats-io/transport-node'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { agentSubject, deskSubject, inboxPrefix } from '#contract'
import { createLine } from '../../src/broker/line.ts'
import { createServing } from '../../src/broker/serving.ts'
import { createMeasures } from '../../src/broker/telemetry.ts'
import { createFakeLog } from '../support/log.ts'
import { startNats, type TestNats } from '../support/nats.ts'

let nats: TestNats
let nc: NatsConnection
let agents: NatsConnection
beforeEach(async () => {
  nats = await startNats()
  nc = await connect({ servers: nats.url, reconnectTimeWait: 10 })
  agents = await connect({ servers: nats.url, reconnectTimeWait: 10 })
})
afterEach(async () => {
  await Promise.all([nc.close(), agents.close()])
  await nats.stop()
})

test('lines - agents call over one of their own: while it is cut, people are answered', async () => {
  const serving = createServing({ nc, agents }, {
    config: { maxPayloadBytes: 1_000_000 },
    assertOpen() {},
    documents: { keySet: () => ({ jws: 'signed', document: { origin: 'x', keys: [] } }) },
    measures: createMeasures(),
    maxReplyBytes: () => 1_000_000,
    log: createFakeLog(),
  } as never)
  await serving.start()
  const desk = await connect({ servers: nats.url, inboxPrefix: inboxPrefix('desk') })
  const shop = await connect({ servers: nats.url, inboxPrefix: inboxPrefix('shop') })
  const hello = () => shop.request(agentSubject('shop', 'hello'), '{}', { timeout: 1_000 })
  expect((await hello()).json()).toMatchObject({ error: { code: 'INVALID_INPUT' } })
  await agents.close()
  // The server learns of it a moment later than we do, and what it still sends there is answered by nobody.
  await vi.waitFor(() => expect(hello()).rejects.toThrow('no responders'), { timeout: 10_000 })
  const reply = await desk.request(deskSubject('trust'), '{"v":1}', { timeout: 1_000 })
  expect(reply.json()).toMatchObject({ keySet: 'signed' })
  await serving.stop()
  await Promise.all([desk.close(), shop.close()])
})

test('lines - that no heartbeat can come is known by the agents’ line alone; either one closed for good is a failure', async () => {
  const leases = { interrupted: vi.fn(), resumed: vi.fn() }
  const onFailure = vi.fn()
  const line = createLine({ nc, agents, leases: leases as never, onFailure })
  await line.start()
  await nc.reconnect()
  await vi.waitFor(async () => expect(await nc.rtt()).toBeGreaterThan(0))
  expect(leases.interrupted).not.toHaveBeenCalled()
  await agents.reconnect()
  await vi.waitFor(() => expect(leases.resumed).toHaveBeenCalledTimes(1))
  expect(leases.interrupted).toHaveBeenCalledTimes(1)
  await nc.close()
  await vi.waitFor(() => expect(onFailure).toHaveBeenCalledTimes(1))
  expect(onFailure).toHaveBeenCalledWith(expect.objectContaining({ code: 'UNAVAILABLE' }))
  await line.stop()
})

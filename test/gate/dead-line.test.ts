import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { connect as connectNats } from '@nats-io/transport-node'
import { afterEach, expect, test, vi } from 'vitest'
import { createGate } from '#gate'
import { attempt, configFor, POLICY } from '../support/gate-scene.ts'
import { startNats } from '../support/nats.ts'
import { createScriptedBroker } from '../support/scripted-broker.ts'

const stops: (() => unknown)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

/** Between the gate and NATS; its first connection swallows everything from the first message on, and stays open. */
async function startSwallowing(port: number): Promise<{ port: number; connections(): number }> {
  const sockets: Socket[] = []
  const server = createServer((near) => {
    const isFirst = sockets.length === 0
    const far = connect(port, '127.0.0.1')
    sockets.push(near, far)
    let isDead = false
    near.on('data', (data) => {
      isDead ||= isFirst && data.includes('PUB ')
      if (!isDead) far.write(data)
    })
    far.on('data', (data) => isDead || near.write(data))
    near.on('close', () => far.destroy()).on('error', () => {})
    far.on('close', () => near.destroy()).on('error', () => {})
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stops.push(() => {
    for (const socket of sockets) socket.destroy()
    return new Promise((resolve) => server.close(resolve))
  })
  return { port: (server.address() as AddressInfo).port, connections: () => sockets.length / 2 }
}

test('gate - a line that dies before the first hello is dropped, and the next one is used', async () => {
  const nats = await startNats()
  stops.push(() => nats.stop())
  const broker = createScriptedBroker({ policy: POLICY })
  await broker.start(nats.url)
  stops.push(() => broker.stop())
  const proxy = await startSwallowing(Number(new URL(nats.url).port))
  const config = { ...configFor(broker, `nats://127.0.0.1:${proxy.port}`), requestTimeoutMs: 100 }
  const gate = createGate(config, { now: Date.now })
  stops.push(() => gate.stop())
  await gate.start()
  await vi.waitFor(
    async () =>
      expect(await gate.hold(attempt({ name: 'lookup_customer' }), () => 'ran')).toEqual({
        ran: true,
        value: 'ran',
      }),
    { timeout: 10_000 },
  )
  expect(proxy.connections()).toBe(2)
})

test('gate - a broker that refuses heartbeats has answered them: the line stays', async () => {
  const nats = await startNats()
  stops.push(() => nats.stop())
  const broker = createScriptedBroker({ policy: POLICY })
  broker.heartbeatMs = 20
  broker.intercept = ({ name }, honest) =>
    name === 'heartbeat' ? { error: { code: 'POLICY_UNAVAILABLE', message: 'none' } } : honest
  await broker.start(nats.url)
  stops.push(() => broker.stop())
  const dial = vi.fn(connectNats)
  const gate = createGate(configFor(broker, nats.url), { now: Date.now, connect: dial })
  stops.push(() => gate.stop())
  await gate.start()
  const beats = () => broker.calls.filter(({ name }) => name === 'heartbeat').length
  await vi.waitFor(() => expect(beats()).toBeGreaterThan(8), { timeout: 10_000 })
  expect(dial).toHaveBeenCalledTimes(1)
})

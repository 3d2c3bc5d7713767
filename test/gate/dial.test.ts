import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createGate, type Gate } from '#gate'
import { configFor } from '../support/gate-scene.ts'
import { createScriptedBroker } from '../support/scripted-broker.ts'

let silent: Server
let gate: Gate

beforeEach(async () => {
  silent = createServer().listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const broker = createScriptedBroker({ policy: 'holdpoint: 1' })
  const { port } = silent.address() as AddressInfo
  gate = createGate(
    { ...configFor(broker, `nats://127.0.0.1:${port}`), requestTimeoutMs: 50 },
    { now: Date.now },
  )
})
afterEach(async () => {
  await gate.stop()
  silent.close()
})

test('gate - of a server that says nothing it lets go, so that its process can end', async () => {
  await gate.start()
  const [first] = (await once(silent, 'connection')) as [Socket]
  first.resume()
  await once(first, 'close')
  // It goes on trying, though.
  const [second] = (await once(silent, 'connection')) as [Socket]
  second.resume()
  await once(second, 'close')
  expect(second.bytesWritten).toBe(0)
})

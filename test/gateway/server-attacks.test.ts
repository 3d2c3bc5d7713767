import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { createGate } from '#gate'
import { configFor } from '../support/gate-scene.ts'
import { call, opened, type Raw, rawGateway } from './raw.ts'
import { type GatewayScene, soon, startGatewayScene } from './scene.ts'

let scene: GatewayScene
let raw: Raw
beforeAll(async () => {
  scene = await startGatewayScene()
})
afterAll(() => scene.stop())
beforeEach(() => {
  raw = rawGateway(scene)
})
afterEach(() => {
  raw.running.stop.abort()
  scene.broker.onRequest = () => undefined
  scene.broker.requests.length = 0
})

test('mcp gateway - an answer to a call that is still held is invented, and not passed on', async () => {
  raw.write(JSON.stringify(call(1)))
  await raw.listed()
  const request = await opened(scene)
  raw.serverSays({ jsonrpc: '2.0', id: 1, result: { content: [{ type: 'text', text: 'done already' }] } })
  raw.serverSays({ jsonrpc: '2.0', id: '1', result: {} })
  raw.serverSays([{ jsonrpc: '2.0', id: 1, result: {} }])
  scene.broker.decide(request, 'denied')
  await soon(() => expect(raw.running.toClient).toHaveLength(1))
  expect(raw.running.toClient[0]).toMatchObject({ id: 1, result: { isError: true } })
})

const malformed: [what: string, line: string][] = [
  ['a log line', 'server listening'],
  ['duplicate ids', '{"jsonrpc":"2.0","id":"p","id":1,"result":{"tools":[]}}'],
  ['duplicate results', '{"jsonrpc":"2.0","id":"p","result":{"tools":[]},"result":{"tools":[1]}}'],
  ['a result in another case', '{"jsonrpc":"2.0","id":"p","result":{},"Result":{}}'],
  ['an answer to nothing', '{"jsonrpc":"2.0","id":"q","result":{}}'],
  ['a carriage return inside', '{"jsonrpc":"2.0","method":"notifications/x","params":\r{}\r}'],
]
test.each(malformed)('mcp gateway - %s is not passed on, and said', async (_what, line) => {
  await raw.ping('p')
  raw.serverSays(line)
  raw.serverSays({ jsonrpc: '2.0', method: 'notifications/end' })
  await soon(() => expect(raw.running.toClient.at(-1)).toMatchObject({ method: 'notifications/end' }))
  expect(raw.running.toClient.filter((message) => 'result' in message)).toEqual([])
  expect(raw.running.log.lines).toMatchObject([{ level: 'warn' }])
})

test('mcp gateway - whoever waits for an answer that cannot be read is told', async () => {
  await raw.ping('p')
  raw.serverSays('{"jsonrpc":"2.0","id":"p","result":{"a":1,"a":2}}')
  await soon(() => expect(raw.running.toClient).toMatchObject([{ id: 'p', error: { code: -32603 } }]))
})

test('mcp gateway - a call whose answer cannot be read has failed, and nobody says that it did not run', async () => {
  scene.broker.onRequest = () => 'approved'
  raw.write(JSON.stringify(call(1)))
  await raw.listed()
  await soon(() => expect(raw.running.toServer.at(-1)).toMatchObject({ method: 'tools/call' }))
  raw.serverSays('{"jsonrpc":"2.0","id":1,"result":{},"result":{}}')
  await soon(() =>
    expect(raw.running.toClient).toMatchObject([
      { id: 1, error: { message: expect.stringContaining('whether export_customers ran is unknown') } },
    ]),
  )
  await soon(() =>
    expect(scene.broker.outcomes.at(-1)).toMatchObject({ outcome: 'failed', errorType: 'malformed_answer' }),
  )
})

test('mcp gateway - numbers that only some can hold pass in a result', async () => {
  await raw.ping('p')
  raw.serverSays('{"jsonrpc":"2.0","id":"p","result":{"id":9007199254740993}}')
  await soon(() => expect(raw.running.toClient).toMatchObject([{ id: 'p', result: {} }]))
})

test('mcp gateway - an enormous message ends the server: whose answer it was, nobody can say', async () => {
  raw.write(JSON.stringify(call('held')))
  await raw.listed()
  const request = await opened(scene)
  await raw.ping('p')
  raw.serverSays('x'.repeat(5000))
  await raw.running.ended
  await soon(() => expect(raw.running.toClient).toHaveLength(2))
  await soon(() => expect(request.state).toBe('cancelled'))
  expect(raw.running.server.stops).toEqual(['now'])
  const of = (id: string) => raw.running.toClient.find((one) => one.id === id)
  expect(of('p')).toMatchObject({ error: { message: expect.stringContaining('ended') } })
  expect(of('held')).toMatchObject({ error: { message: expect.stringContaining('not run') } })
})

test('mcp gateway - a server that crashes leaves nobody waiting, and nothing that would still run', async () => {
  scene.broker.onRequest = ({ attempt }) =>
    (attempt.action.arguments as { limit: number }).limit === 1 ? 'approved' : undefined
  raw.write(JSON.stringify(call('sent')))
  await raw.listed()
  await soon(() => expect(raw.running.toServer.at(-1)).toMatchObject({ method: 'tools/call' }))
  raw.write(JSON.stringify(call('held', 'export_customers', { limit: 2 })))
  await soon(() => expect(scene.broker.requests).toHaveLength(2))
  await raw.ping('p')
  raw.running.server.end(7)
  expect(await raw.running.ended).toMatchObject({ exitCode: 7 })
  await soon(() => expect(raw.running.toClient).toHaveLength(3))
  const of = (id: string) => raw.running.toClient.find((one) => one.id === id)
  expect(of('sent')).toMatchObject({ error: { message: expect.stringMatching(/exit code 7.*unknown/) } })
  expect(of('held')).toMatchObject({ error: { message: expect.stringMatching(/exit code 7.*not run/) } })
  expect(of('p')).toMatchObject({ error: {} })
  await soon(() => expect(scene.broker.requests[1]?.state).toBe('cancelled'))
  await soon(() =>
    expect(scene.broker.outcomes.at(-1)).toMatchObject({ outcome: 'failed', errorType: 'server_ended' }),
  )
})

test('mcp gateway - without a broker a call is refused by a result that says so, and all else goes on', async () => {
  const gate = createGate(
    { ...configFor(scene.broker, 'nats://127.0.0.1:1'), requestTimeoutMs: 100 },
    { now: Date.now },
  )
  await gate.start()
  raw.running.stop.abort()
  raw = rawGateway(scene, { gate })
  raw.write(JSON.stringify(call(1, 'lookup_customer')))
  await raw.listed()
  await raw.ping()
  await soon(() =>
    expect(raw.running.toClient).toMatchObject([
      {
        id: 1,
        result: { isError: true, content: [{ text: expect.stringContaining('BROKER_UNAVAILABLE') }] },
      },
    ]),
  )
  expect(raw.running.toServer.map(({ method }) => method)).toEqual(['tools/list', 'ping'])
  await gate.stop()
})

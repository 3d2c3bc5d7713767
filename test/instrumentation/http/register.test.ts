import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AgentEnvironment, agentEnvironment, startAgent } from '../../support/agent-process.ts'
import { startNats, type TestNats } from '../../support/nats.ts'
import { createScriptedBroker, type ScriptedBroker } from '../../support/scripted-broker.ts'
import { allowList, HTTP_POLICY } from './scene.ts'

let nats: TestNats
let broker: ScriptedBroker
let agent: AgentEnvironment
let server: Server
const received: string[] = []

beforeAll(async () => {
  nats = await startNats()
  broker = createScriptedBroker({ policy: HTTP_POLICY })
  await broker.start(nats.url)
  agent = agentEnvironment(broker, nats.url)
  server = createServer((one, response) => {
    received.push(`${one.method} ${one.url}`)
    // A program that has idle connections left does not end.
    one.resume().on('end', () => response.setHeader('connection', 'close').end())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterAll(async () => {
  server.closeAllConnections()
  server.close()
  await broker.stop()
  await nats.stop()
  agent.remove()
})

const origin = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`

test('register - every HTTP client of an unchanged program is held, however it came by it, and AWS too', async () => {
  broker.onRequest = () => 'denied'
  const { ended } = startAgent('test/instrumentation/apps/http.mjs', agent.env, { args: [origin()] })
  const { code, stdout, stderr } = await ended
  const refused = [200, 'APPROVAL_DENIED']
  expect({ code, stderr, ...JSON.parse(stdout) }).toEqual({
    code: 0,
    stderr: expect.any(String),
    fetch: refused,
    'undici, imported': refused,
    'undici, required': refused,
    'http, default': refused,
    'http, named': refused,
    'http, required': refused,
    get: 200,
    aws: ['done', 'APPROVAL_DENIED'],
  })
  expect(received.filter((one) => one.startsWith('DELETE'))).toEqual([])
  expect(broker.requests.map(({ attempt }) => attempt.action.kind)).toEqual([...Array(6).fill('http'), 'aws'])
})

test.each(['before', 'after'] as const)(
  'register - with OpenTelemetry’s instrumentations of HTTP, imported %s it, all is held, and each has one span',
  async (when) => {
    broker.onRequest = () => 'denied'
    const before = broker.requests.length
    const { ended } = startAgent('test/instrumentation/apps/http.mjs', agent.env, {
      args: [origin()],
      [when]: ['test/instrumentation/apps/traced-http.mjs'],
    })
    const { code, stdout, stderr } = await ended
    const { get: _get, aws, ...clients } = JSON.parse(stdout)
    expect({ code, aws, clients: new Set(Object.values(clients).map(String)) }).toEqual({
      code: 0,
      aws: ['done', 'APPROVAL_DENIED'],
      clients: new Set(['200,APPROVAL_DENIED']),
    })
    expect(stderr).toContain(`deletions: ${JSON.stringify(Array(6).fill('not_run'))}\n`)
    expect(broker.requests.slice(before)).toHaveLength(7)
    expect(received.filter((one) => one.startsWith('DELETE'))).toEqual([])
  },
)

test('register - where HTTP is held by default, telemetry still leaves, and nothing waits for itself', async () => {
  broker.publishPolicy(allowList('http://nowhere'), 2)
  broker.onRequest = () => 'denied'
  received.length = 0
  const { ended } = startAgent(
    'test/instrumentation/apps/http.mjs',
    { ...agent.env, OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_ENDPOINT: origin() },
    { args: [origin()] },
  )
  const { code, stdout } = await ended
  expect({ code, fetch: JSON.parse(stdout).fetch }).toEqual({
    code: 0,
    fetch: ['APPROVAL_DENIED', 'APPROVAL_DENIED'],
  })
  expect(new Set(received)).toEqual(new Set(['POST /v1/traces', 'GET /b/k?x-id=GetObject']))
})

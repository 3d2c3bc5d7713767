import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { createMcpHandler, inputRequired, McpServer, type ServerOptions } from '@modelcontextprotocol/server'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { useGate } from '#instrumentation'
import { guard } from '../../../instrumentation/mcp-server/index.ts'
import { agentEnvironment, startAgent } from '../../support/agent-process.ts'
import { type Scene, startScene } from '../../support/gate-scene.ts'
import { CONTRACT_POLICY } from '../../support/instrumentation/stage.ts'

let scene: Scene
beforeAll(async () => {
  scene = await startScene({ policy: CONTRACT_POLICY })
  useGate(scene.gate)
})
afterAll(async () => {
  useGate(undefined)
  await scene.stop()
})
beforeEach(() => {
  vi.stubEnv('HOLDPOINT_MCP_ELICITATION', 'on')
  tool.mockClear()
})
afterEach(() => {
  vi.unstubAllEnvs()
  scene.broker.onRequest = () => undefined
  for (const told of ['requests', 'calls'] as const) scene.broker[told].length = 0
})

const done = { content: [{ type: 'text' as const, text: 'exported' }] }
const tool = vi.fn(async (_given: unknown, _context?: unknown): Promise<object> => done)
const inputSchema = z.object({ limit: z.number() })
const exporting = (limit: number) => ({ name: 'export_customers', arguments: { limit } })
const refused = (why: RegExp) => ({ isError: true, content: [{ text: expect.stringMatching(why) }] })

/** Every call is served by a server of its own, as on a platform without processes that last. */
async function connected(options: object = {}, serverOptions: ServerOptions = {}): Promise<Client> {
  const { fetch } = createMcpHandler(() => {
    const server = guard(new McpServer({ name: 'crm', version: '2.0.1' }, serverOptions))
    for (const name of ['export_customers', 'lookup_customers', 'drop_customers'])
      server.registerTool(name, { inputSchema }, tool as never)
    return server
  })
  const url = new URL('http://crm.test/mcp')
  const ours = (input: string | URL, init?: RequestInit) => fetch(new Request(input, init))
  const info = { name: 'app', version: '1.0.0' }
  const client = new Client(info, { versionNegotiation: PINNED, ...options })
  await client.connect(new StreamableHTTPClientTransport(url, { fetch: ours as never }))
  return client
}

interface Asked {
  resultType: 'input_required'
  requestState: string
  inputRequests?: Record<string, unknown>
}
const PINNED = { mode: { pin: '2026-07-28' } }
const byHand = { inputRequired: { autoFulfill: false } }
const send = (client: Client, params: object): Promise<unknown> =>
  client.callTool(params as never, { allowInputRequired: true } as never)
const ask = (client: Client, limit: number) => send(client, exporting(limit)) as Promise<Asked>
const retry = (client: Client, limit: number, requestState: string, more: object = {}) =>
  send(client, { ...exporting(limit), requestState, ...more })
const request = (at = 0) => scene.broker.requests[at] as (typeof scene.broker.requests)[number]

test('mcp elicitation - the call is answered with a state, and the call that comes back with it runs, once', async () => {
  const client = await connected(byHand)
  const { resultType, requestState, inputRequests } = await ask(client, 1)
  expect({ resultType, inputRequests }).toMatchObject({ resultType: 'input_required' })
  expect(request().attempt.action).toMatchObject({
    kind: 'mcp',
    target: 'crm/2.0.1',
    arguments: { limit: 1 },
  })
  expect(tool).not.toHaveBeenCalled()
  scene.broker.decide(request(), 'approved')
  expect(await retry(client, 1, requestState)).toMatchObject(done)
  expect(await retry(client, 1, requestState)).toMatchObject(refused(/was not run/))
  expect(tool.mock.calls.map(([given]) => given)).toEqual([{ limit: 1 }])
  expect(scene.broker.requests).toHaveLength(1)
  await client.close()
})

test('mcp elicitation - the process that asked may be gone: another runs what was approved, once', async () => {
  const agent = agentEnvironment(scene.broker, scene.nats.url)
  const env = { ...agent.env, HOLDPOINT_MCP_ELICITATION: 'on' }
  const served = async <T>(use: (client: Client, pid: number) => Promise<T>): Promise<T> => {
    const { child, stdout, ended } = startAgent('test/instrumentation/apps/mcp-over-http.mjs', env)
    const url = await vi.waitFor(() => new URL(`http://127.0.0.1:${/^\d+/.exec(stdout())?.[0]}/mcp`), {
      interval: 5,
      timeout: 15_000,
    })
    const client = new Client({ name: 'app', version: '1.0.0' }, { versionNegotiation: PINNED, ...byHand })
    await client.connect(new StreamableHTTPClientTransport(url))
    try {
      return await use(client, child.pid as number)
    } finally {
      await client.close()
      child.kill('SIGKILL')
      await ended
    }
  }
  try {
    const { requestState } = await served((client) => ask(client, 7))
    scene.broker.decide(request(), 'approved')
    const [first, second, pid] = await served(async (client, pid) => [
      await retry(client, 7, requestState),
      await retry(client, 7, requestState),
      pid,
    ])
    expect(first).toMatchObject({ content: [{ text: `7 exported by ${pid}` }] })
    expect(second).toMatchObject(refused(/was not run/))
    expect(scene.broker.requests).toHaveLength(1)
  } finally {
    agent.remove()
  }
})

test('mcp elicitation - a client that knows nothing of it is led through by its SDK', async () => {
  const client = await connected()
  const result = client.callTool(exporting(1))
  await vi.waitFor(() => expect(scene.broker.requests).toHaveLength(1))
  scene.broker.decide(request(), 'approved')
  expect(await result).toMatchObject(done)
  expect(tool).toHaveBeenCalledTimes(1)
  await client.close()
})

test('mcp elicitation - what policy decides alone takes no round, and a denial says why', async () => {
  const client = await connected(byHand)
  expect(await send(client, { ...exporting(1), name: 'drop_customers' })).toMatchObject(
    refused(/POLICY_DENIED/),
  )
  expect(tool).not.toHaveBeenCalled()
  expect(await send(client, { ...exporting(1), name: 'lookup_customers' })).toMatchObject(done)
  expect(scene.broker.requests).toEqual([])
  const { requestState } = await ask(client, 1)
  scene.broker.decide(request(), 'denied', 'Audit first')
  expect(await retry(client, 1, requestState)).toMatchObject(refused(/APPROVAL_DENIED.*Audit first/s))
  expect(tool).toHaveBeenCalledTimes(1)
  await client.close()
})

test('mcp elicitation - a client that opens pages is shown where people judge, and may do without', async () => {
  vi.stubEnv('HOLDPOINT_CONSOLE_URL', 'https://holdpoint.example.com/')
  const client = await connected({ ...byHand, capabilities: { elicitation: { url: {} } } })
  const { requestState, inputRequests } = await ask(client, 1)
  const url = `https://holdpoint.example.com/requests/${request().requestId}`
  expect(inputRequests).toMatchObject({
    holdpoint: { method: 'elicitation/create', params: { mode: 'url', url } },
  })
  const inputResponses = { holdpoint: { action: 'decline' } }
  expect(await retry(client, 1, requestState, { inputResponses })).toMatchObject(
    refused(/APPROVAL_CANCELLED/),
  )
  expect(request().state).toBe('cancelled')
  await client.close()
})

test('mcp elicitation - a state for another call, a forged one, or one of nothing, releases nothing', async () => {
  const client = await connected(byHand)
  const { requestState: approved } = await ask(client, 1)
  const { requestState: pending } = await ask(client, 2)
  scene.broker.decide(request(0), 'approved')
  const state = JSON.parse(approved.slice('holdpoint:'.length))
  const forge = (more: object) => `holdpoint:${JSON.stringify({ ...state, ...more })}`
  const other = JSON.parse(pending.slice('holdpoint:'.length))
  const action = { ...state.action, arguments: { limit: 1_000_000 } }
  const attacks: [limit: number, requestState: string][] = [
    [1_000_000, approved],
    [1_000_000, forge({ action })],
    [1, pending],
    [2, forge({ action: other.action })],
    [2, forge({ action: other.action, actionDigest: other.actionDigest, salt: other.salt })],
    [1, forge({ salt: other.salt })],
    [1, forge({ onBehalfOf: [{ issuer: 'https://idp.example.com', subject: 'boss' }] })],
    [1, 'holdpoint:'],
    [1, 'holdpoint:null'],
    [1, 'holdpoint:{"action":{}}'],
  ]
  for (const [limit, requestState] of attacks)
    expect(await retry(client, limit, requestState), requestState).toMatchObject(refused(/was not run/))
  expect(tool).not.toHaveBeenCalled()
  // Nor has any of it spent what was approved.
  expect(await retry(client, 1, approved)).toMatchObject(done)
  await client.close()
})

test('mcp elicitation - nobody takes back a request by its bare id', async () => {
  const client = await connected(byHand)
  const { requestState } = await ask(client, 1)
  const forged = requestState.replace(/"salt":"[^"]{4}/, '"salt":"AAAA')
  expect(forged).not.toBe(requestState)
  const inputResponses = { holdpoint: { action: 'cancel' } }
  expect(await retry(client, 1, forged, { inputResponses })).toMatchObject(refused(/APPROVAL_CANCELLED/))
  expect(request().state).toBe('pending')
  await client.close()
})

test('mcp elicitation - a tool’s own questions keep their state, and each round of them is held', async () => {
  const client = await connected(byHand)
  const states: unknown[] = []
  tool.mockImplementation(async (_given, context) => {
    const { requestState, inputResponses } = (
      context as { mcpReq: { requestState(): unknown; inputResponses: unknown } }
    ).mcpReq
    states.push([requestState(), inputResponses])
    return requestState() === 'step 2' ? done : inputRequired({ requestState: 'step 2' })
  })
  const first = await ask(client, 1)
  scene.broker.decide(request(0), 'approved')
  expect(await retry(client, 1, first.requestState)).toMatchObject({ requestState: 'step 2' })
  const second = (await retry(client, 1, 'step 2')) as Asked
  expect(second.requestState).toMatch(/^holdpoint:/)
  expect(states).toEqual([[undefined, undefined]])
  tool.mockImplementation(async () => done)
  await client.close()
})

test.each([
  ['switched off', 'off', {}],
  ['on a server that lets no state pass but its own', 'on', { requestState: { verify: () => {} } }],
])('mcp elicitation - %s, a call waits as any other', async (_what, value, options) => {
  vi.stubEnv('HOLDPOINT_MCP_ELICITATION', value)
  const client = await connected(byHand, options)
  const result = client.callTool(exporting(1))
  await vi.waitFor(() => expect(scene.broker.requests).toHaveLength(1))
  expect(tool).not.toHaveBeenCalled()
  scene.broker.decide(request(), 'approved')
  expect(await result).toMatchObject(done)
  await client.close()
})

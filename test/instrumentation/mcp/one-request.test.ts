import { createRequire } from 'node:module'
import * as v2 from '@modelcontextprotocol/client'
import * as v1 from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import * as lowServer from '@modelcontextprotocol/sdk/server/index.js'
import * as highServer from '@modelcontextprotocol/sdk/server/mcp.js'
import * as agents from '@openai/agents-core'
import { assistantMessage, functionCall, ScriptedModel } from '@openai/agents-core/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { instrumentations } from '#instrumentation'
import { type Scene, startScene } from '../../support/gate-scene.ts'
import { type RecordedSpans, recordSpans } from '../../support/spans.ts'

const require = createRequire(import.meta.url)
const v1Cjs = require('@modelcontextprotocol/sdk/client/index.js') as typeof v1
const v2Cjs = require('@modelcontextprotocol/client') as typeof v2

const named = (name: string) =>
  instrumentations.find((one) => one.name === name) as (typeof instrumentations)[number]
let scene: Scene
let spans: RecordedSpans

beforeAll(async () => {
  spans = recordSpans()
  scene = await startScene()
  for (const sdk of [v1, v1Cjs, v2, v2Cjs]) named('mcp-client').patch(sdk as never, scene.gate)
  for (const sdk of [lowServer, highServer]) named('mcp-server').patch(sdk as never, scene.gate)
  named('openai-agents').patch(agents as never, scene.gate)
  agents.setTracingDisabled(true)
})
afterAll(async () => {
  await scene.stop()
  await spans.stop()
})
beforeEach(() => spans.reset())
afterEach(() => {
  scene.broker.onRequest = () => undefined
  scene.broker.requests.length = 0
})

type AnyClient = {
  connect(transport: never): Promise<void>
  callTool(params: object, ...more: unknown[]): Promise<unknown>
  close(): Promise<void>
}
type AnyClientClass = new (info: { name: string; version: string }) => AnyClient

const handler = vi.fn(async ({ limit }: { limit: number; region?: string | undefined }) => ({
  content: [{ type: 'text' as const, text: `exported ${limit}` }],
  ...(limit === 13 ? { isError: true } : {}),
}))
beforeEach(() => {
  handler.mockClear()
})

const inputSchema = { limit: z.number(), region: z.string().default('eu') }
/** A real server with two tools, and a real client connected to it. */
async function connected(Client: AnyClientClass): Promise<AnyClient> {
  const server = new highServer.McpServer({ name: 'crm', version: '2.0.1' })
  server.registerTool('export_customers', { inputSchema }, handler)
  server.registerTool('ping', {}, async () => ({ content: [{ type: 'text', text: 'pong' }] }))
  const [ours, theirs] = InMemoryTransport.createLinkedPair()
  await server.connect(theirs)
  const client = new Client({ name: 'test', version: '1.0.0' })
  await client.connect(ours as never)
  return client
}

const opened = (count = 1) =>
  vi.waitFor(() => {
    expect(scene.broker.requests).toHaveLength(count)
    return scene.broker.requests[count - 1] as (typeof scene.broker.requests)[number]
  })
const call = (limit: number) => ({ name: 'export_customers', arguments: { limit } })
const exported = (limit: number) => ({ content: [{ type: 'text', text: `exported ${limit}` }] })
const refusedResult = (why: RegExp) => ({
  isError: true,
  content: [{ type: 'text', text: expect.stringMatching(why) }],
})

describe.each([
  ['v1, ESM', v1.Client as unknown as AnyClientClass],
  ['v1, CommonJS', v1Cjs.Client as unknown as AnyClientClass],
  ['v2, ESM', v2.Client as unknown as AnyClientClass],
  ['v2, CommonJS', v2Cjs.Client as unknown as AnyClientClass],
])('%s', (_name, Client) => {
  test('mcp-client - one call is one request, although the server is gated as well and its schema adds to it', async () => {
    const client = await connected(Client)
    for (const [limit, region] of [[1], [2, 'us']] as const) {
      scene.broker.requests.length = 0
      const asked = { limit, ...(region === undefined ? {} : { region }) }
      const result = client.callTool({ name: 'export_customers', arguments: asked })
      const request = await opened()
      expect(request.attempt.action).toMatchObject({ target: 'crm/2.0.1', arguments: asked })
      expect(handler).not.toHaveBeenCalled()
      scene.broker.decide(request, 'approved')
      expect(await result).toMatchObject(exported(limit))
      expect(handler.mock.calls.map(([given]) => given)).toEqual([{ limit, region: region ?? 'eu' }])
      expect(scene.broker.requests).toHaveLength(1)
      handler.mockClear()
    }
    expect(spans.named('execute_tool export_customers')).toHaveLength(2)
    await client.close()
  })

  test('mcp-client - what a released tool calls, itself again or another client’s, is held by itself', async () => {
    const client = await connected(Client)
    const inner = await connected(Client)
    handler.mockImplementationOnce(async () => (await inner.callTool(call(3))) as never)
    scene.broker.onRequest = () => (scene.broker.requests.length === 1 ? 'approved' : 'denied')
    expect(await client.callTool(call(3))).toEqual(refusedResult(/APPROVAL_DENIED/))
    expect(scene.broker.requests).toHaveLength(2)
    expect(handler).toHaveBeenCalledTimes(1)
    await Promise.all([client.close(), inner.close()])
  })

  test('mcp-client - an error result of the tool comes back unchanged and is told as failed', async () => {
    scene.broker.onRequest = () => 'approved'
    const client = await connected(Client)
    expect(await client.callTool(call(13))).toMatchObject({ ...exported(13), isError: true })
    expect(spans.named('execute_tool export_customers')[0]?.attributes).toMatchObject({
      'holdpoint.outcome': 'failed',
      'error.type': 'tool_error',
    })
    await client.close()
  })

  test('mcp-client - a call without arguments stays one', async () => {
    scene.broker.onRequest = () => 'approved'
    const client = await connected(Client)
    expect(await client.callTool({ name: 'ping' })).toMatchObject({
      content: [{ type: 'text', text: 'pong' }],
    })
    expect(scene.broker.requests[0]?.attempt.action.arguments).toEqual({})
    await client.close()
  })
})

describe('through the MCP tools of @openai/agents', () => {
  /** The SDK's own MCP wrapper around a real client, as its built-in servers have it. */
  class OurServer {
    name = 'crm'
    cacheToolsList = false
    client: v2.Client | undefined
    extraCalls: object[] = []
    async connect() {
      this.client = (await connected(v2.Client as unknown as AnyClientClass)) as unknown as v2.Client
    }
    async close() {
      await this.client?.close()
    }
    async listTools() {
      return (await this.client?.listTools())?.tools ?? []
    }
    async callTool(name: string, given: Record<string, unknown> | null) {
      const client = this.client as v2.Client
      for (const extra of this.extraCalls.splice(0)) await client.callTool(extra as never)
      const { content } = await client.callTool({ name, arguments: given ?? {} })
      return content
    }
    async invalidateToolsCache() {}
  }

  async function runAgent(limit: number, callId: string, prepare: (server: OurServer) => void = () => {}) {
    const server = new OurServer()
    await server.connect()
    prepare(server)
    const model = new ScriptedModel([
      [functionCall('export_customers', { limit }, { callId })],
      [assistantMessage('done')],
    ])
    const agent = new agents.Agent({ name: 'Clerk', model, mcpServers: [server as never] })
    const result = agents.run(agent, 'go').finally(() => server.close())
    return { result, model }
  }

  test('mcp-client - one call is one request, although both hooks see it', async () => {
    const { result } = await runAgent(5, 'mcp-1')
    const request = await opened()
    expect(request.attempt).toMatchObject({ attempt: 'mcp-1', action: { kind: 'mcp', target: 'crm' } })
    scene.broker.decide(request, 'approved')
    await result
    expect(handler).toHaveBeenCalledTimes(1)
    expect(scene.broker.requests).toHaveLength(1)
    expect(spans.named('execute_tool export_customers')).toHaveLength(1)
  })

  test('mcp-client - a denied call reaches neither hook’s tool', async () => {
    scene.broker.onRequest = () => 'denied'
    const { result } = await runAgent(6, 'mcp-2')
    await result
    expect(handler).not.toHaveBeenCalled()
    expect(scene.broker.requests).toHaveLength(1)
  })

  test.each([
    ['with other arguments', { name: 'export_customers', arguments: { limit: 1_000_000 } }],
    ['of another tool', { name: 'ping', arguments: { limit: 7 } }],
  ])(
    'mcp-client - a call %s, made under the cover of a released one, is held by itself',
    async (_what, extra) => {
      scene.broker.onRequest = (request) => (request.attempt.attempt === 'mcp-3' ? 'approved' : 'denied')
      const { result } = await runAgent(7, 'mcp-3', (server) => server.extraCalls.push(extra))
      await result
      expect(scene.broker.requests).toHaveLength(2)
      expect(handler.mock.calls.map(([given]) => given)).toEqual([{ limit: 7, region: 'eu' }])
    },
  )

  test('mcp-client - the very same call a second time, under one release, is held by itself', async () => {
    scene.broker.onRequest = (request) => (request.attempt.attempt === 'mcp-4' ? 'approved' : 'denied')
    const { result } = await runAgent(8, 'mcp-4', (server) => server.extraCalls.push(call(8)))
    await result
    expect(scene.broker.requests).toHaveLength(2)
    expect(handler).toHaveBeenCalledTimes(1)
  })
})

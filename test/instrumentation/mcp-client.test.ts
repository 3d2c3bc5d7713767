import { createRequire } from 'node:module'
import * as v2 from '@modelcontextprotocol/client'
import * as v1 from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import * as agents from '@openai/agents-core'
import { assistantMessage, functionCall, ScriptedModel } from '@openai/agents-core/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { instrumentations } from '#instrumentation'
import { type Scene, startScene } from '../support/gate-scene.ts'
import { type RecordedSpans, recordSpans } from '../support/spans.ts'

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

const handler = vi.fn(async ({ limit }: { limit: number }) => ({
  content: [{ type: 'text' as const, text: `exported ${limit}` }],
  ...(limit === 13 ? { isError: true } : {}),
}))
beforeEach(() => {
  handler.mockClear()
})

/** A real server with one tool, and a real client connected to it. */
async function connected(Client: AnyClientClass): Promise<AnyClient> {
  const server = new McpServer({ name: 'crm', version: '2.0.1' })
  server.registerTool('export_customers', { inputSchema: { limit: z.number() } }, handler)
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
  ['v1, ESM', v1.Client as unknown as AnyClientClass, [undefined]],
  ['v1, CommonJS', v1Cjs.Client as unknown as AnyClientClass, [undefined]],
  ['v2, ESM', v2.Client as unknown as AnyClientClass, []],
  ['v2, CommonJS', v2Cjs.Client as unknown as AnyClientClass, []],
])('%s', (_name, Client, before) => {
  test('mcp-client - a held call reaches the server after the approval, with the approved arguments', async () => {
    const client = await connected(Client)
    const params = call(100)
    const result = client.callTool(params)
    const request = await opened()
    expect(request.attempt.action).toMatchObject({
      kind: 'mcp',
      name: 'export_customers',
      target: 'crm/2.0.1',
      arguments: { limit: 100 },
    })
    // The caller changes what it asked for while a person looks at it.
    params.name = 'ping'
    params.arguments.limit = 1_000_000
    expect(handler).not.toHaveBeenCalled()
    scene.broker.decide(request, 'approved')
    expect(await result).toMatchObject(exported(100))
    expect(handler).toHaveBeenCalledTimes(1)
    expect(spans.named('execute_tool export_customers')[0]?.attributes).toMatchObject({
      'holdpoint.action.kind': 'mcp',
      'holdpoint.action.target': 'crm/2.0.1',
      'holdpoint.outcome': 'executed',
    })
    await client.close()
  })

  test('mcp-client - a denied call never reaches the server, and is a tool result that the model can read', async () => {
    const client = await connected(Client)
    const result = client.callTool(call(1))
    scene.broker.decide(await opened(), 'denied', 'Audit first')
    expect(await result).toEqual(refusedResult(/APPROVAL_DENIED.*Audit first/s))
    expect(handler).not.toHaveBeenCalled()
    await client.close()
  })

  test('mcp-client - the request timeout does not run while people decide', async () => {
    const client = await connected(Client)
    const result = client.callTool(call(2), ...before, { timeout: 40 })
    const request = await opened()
    await new Promise((resolve) => setTimeout(resolve, 80))
    scene.broker.decide(request, 'approved')
    expect(await result).toMatchObject(exported(2))
    await client.close()
  })

  test('mcp-client - an abort cancels the request, and a late approval calls nothing', async () => {
    const client = await connected(Client)
    const caller = new AbortController()
    const result = client.callTool(call(3), ...before, { signal: caller.signal })
    const request = await opened()
    caller.abort()
    expect(await result).toEqual(refusedResult(/APPROVAL_CANCELLED/))
    await vi.waitFor(() => expect(request.state).toBe('cancelled'))
    expect(handler).not.toHaveBeenCalled()
    await client.close()
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
      expect(handler.mock.calls.map(([given]) => given)).toEqual([{ limit: 7 }])
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

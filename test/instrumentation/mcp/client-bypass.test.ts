import { createRequire } from 'node:module'
import * as v2 from '@modelcontextprotocol/client'
import * as v1 from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { instrumentations } from '#instrumentation'
import { type Scene, startScene } from '../../support/gate-scene.ts'

const require = createRequire(import.meta.url)
const v1Cjs = require('@modelcontextprotocol/sdk/client/index.js') as typeof v1
const v2Cjs = require('@modelcontextprotocol/client') as typeof v2

let scene: Scene
beforeAll(async () => {
  scene = await startScene()
  for (const sdk of [v1, v1Cjs, v2, v2Cjs])
    instrumentations.find(({ name }) => name === 'mcp-client')?.patch(sdk as never, scene.gate)
})
afterAll(() => scene.stop())
beforeEach(() => {
  handler.mockClear()
})
afterEach(() => {
  scene.broker.onRequest = () => undefined
  scene.broker.requests.length = 0
})

interface Client {
  connect(transport: never): Promise<void>
  callTool(params: object): Promise<unknown>
  listTools(): Promise<{ tools: { name: string }[] }>
  request(request: object, ...more: unknown[]): Promise<unknown>
  close(): Promise<void>
  experimental: {
    tasks: { callToolStream(params: object): AsyncIterable<{ type: string; result: unknown }> }
  }
}
type ClientClass = new (info: { name: string; version: string }) => Client

const handler = vi.fn(async ({ limit }: { limit: number }) => ({
  content: [{ type: 'text' as const, text: `exported ${limit}` }],
}))

async function connected(Client: ClientClass): Promise<Client> {
  const server = new McpServer({ name: 'crm', version: '2.0.1' })
  server.registerTool('export_customers', { inputSchema: { limit: z.number() } }, handler)
  const [ours, theirs] = InMemoryTransport.createLinkedPair()
  await server.connect(theirs)
  const client = new Client({ name: 'test', version: '1.0.0' })
  await client.connect(ours as never)
  return client
}

const call = (limit: number) => ({ name: 'export_customers', arguments: { limit } })
const refused = {
  isError: true,
  content: [{ type: 'text', text: expect.stringMatching(/APPROVAL_DENIED/) }],
}

describe.each([
  ['v1, ESM', v1.Client as unknown as ClientClass, [CallToolResultSchema]],
  ['v1, CommonJS', v1Cjs.Client as unknown as ClientClass, [CallToolResultSchema]],
  ['v2, ESM', v2.Client as unknown as ClientClass, []],
  ['v2, CommonJS', v2Cjs.Client as unknown as ClientClass, []],
])('%s', (_name, Client, more) => {
  test('mcp-client - a tool that is called by a bare request is held as well', async () => {
    const client = await connected(Client)
    scene.broker.onRequest = () => 'denied'
    expect(await client.request({ method: 'tools/call', params: call(1) }, ...more)).toEqual(refused)
    expect(handler).not.toHaveBeenCalled()
    scene.broker.onRequest = () => 'approved'
    expect(await client.request({ method: 'tools/call', params: call(2) }, ...more)).toMatchObject({
      content: [{ text: 'exported 2' }],
    })
    expect(scene.broker.requests).toHaveLength(2)
    await client.close()
  })

  test('mcp-client - one call is one request, and what is released once is not released again', async () => {
    const client = await connected(Client)
    const params = call(3)
    scene.broker.onRequest = () => 'approved'
    await client.callTool(params)
    expect(scene.broker.requests).toHaveLength(1)
    scene.broker.onRequest = () => 'denied'
    expect(await client.request({ method: 'tools/call', params }, ...more)).toEqual(refused)
    expect(handler).toHaveBeenCalledTimes(1)
    await client.close()
  })

  test('mcp-client - what is no tool call is not asked about', async () => {
    const client = await connected(Client)
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['export_customers'])
    expect(scene.broker.requests).toEqual([])
    await client.close()
  })
})

test.each([
  ['ESM', v1.Client],
  ['CommonJS', v1Cjs.Client],
])('mcp-client - a streamed tool call of v1, %s, is held as well', async (_name, Client) => {
  const client = await connected(Client as unknown as ClientClass)
  const stream = async (limit: number) => {
    const messages: unknown[] = []
    for await (const message of client.experimental.tasks.callToolStream(call(limit))) messages.push(message)
    return messages
  }
  scene.broker.onRequest = () => 'denied'
  expect(await stream(1)).toEqual([{ type: 'result', result: refused }])
  expect(handler).not.toHaveBeenCalled()
  scene.broker.onRequest = () => 'approved'
  expect(await stream(2)).toMatchObject([{ type: 'result', result: { content: [{ text: 'exported 2' }] } }])
  await client.close()
})

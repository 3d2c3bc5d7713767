import { Client } from '@modelcontextprotocol/client'
import { InMemoryTaskStore } from '@modelcontextprotocol/sdk/experimental/tasks/stores/in-memory.js'
import * as lowV1 from '@modelcontextprotocol/sdk/server/index.js'
import * as highV1 from '@modelcontextprotocol/sdk/server/mcp.js'
import { CallToolRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import * as v2 from '@modelcontextprotocol/server'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { instrumentations, useGate } from '#instrumentation'
import { guard } from '../../../instrumentation/mcp-server/index.ts'
import { type Scene, startScene } from '../../support/gate-scene.ts'

let scene: Scene
beforeAll(async () => {
  scene = await startScene()
  useGate(scene.gate)
})
afterAll(async () => {
  useGate(undefined)
  await scene.stop()
})
beforeEach(() => {
  tool.mockClear()
})
afterEach(() => {
  scene.broker.onRequest = () => undefined
  scene.broker.requests.length = 0
})

const done = { content: [{ type: 'text' as const, text: 'exported' }] }
const tool = vi.fn(async (_given: unknown) => done)
const refused = { isError: true, content: [{ text: expect.stringMatching(/APPROVAL_DENIED/) }] }
const params = { name: 'export_customers', arguments: { limit: 1 } }
const inputSchema = z.object({ limit: z.number() })
const info = { name: 'crm', version: '2.0.1' }
const capabilities = { tools: {}, tasks: { requests: { tools: { call: {} } } } }

async function connected(server: { connect(transport: never): Promise<void> }): Promise<Client> {
  const [ours, theirs] = v2.InMemoryTransport.createLinkedPair()
  await server.connect(theirs as never)
  const client = new Client({ name: 'app', version: '1.0.0' })
  await client.connect(ours)
  return client
}

async function isAskedOnce(server: { connect(transport: never): Promise<void> }): Promise<void> {
  const client = await connected(server)
  scene.broker.onRequest = () => 'denied'
  expect(await client.callTool(params)).toMatchObject(refused)
  expect(tool).not.toHaveBeenCalled()
  scene.broker.onRequest = () => 'approved'
  expect(await client.callTool(params)).toMatchObject(done)
  expect(tool).toHaveBeenCalledTimes(1)
  expect(scene.broker.requests.map(({ attempt }) => attempt.action)).toMatchObject(
    [1, 2].map(() => ({ name: 'export_customers', target: 'crm/2.0.1', arguments: { limit: 1 } })),
  )
  await client.close()
}

const lows = [
  ['v1', () => new lowV1.Server(info, { capabilities }), CallToolRequestSchema],
  ['v2', () => new v2.Server(info, { capabilities }), 'tools/call'],
] as const
const highs = [
  ['v1', () => new highV1.McpServer(info)],
  ['v2', () => new v2.McpServer(info)],
] as const

const handle = (server: object, method: unknown): void =>
  (server as { setRequestHandler(...given: unknown[]): void }).setRequestHandler(method, tool)

// First without a hook, then under one that comes after servers have been made.
describe.each(['alone', 'with a hook'])('%s', (how) => {
  beforeAll(() => {
    if (how === 'alone') return
    for (const sdk of [lowV1, highV1, v2])
      instrumentations.find(({ name }) => name === 'mcp-server')?.patch(sdk as never, scene.gate)
  })

  test.each(highs)('mcp-server - a guarded McpServer of %s asks once', async (_version, make) => {
    const server = make() as v2.McpServer
    expect(guard(guard(server))).toBe(server)
    server.registerTool(params.name, { inputSchema }, tool)
    await isAskedOnce(server)
    const late = make() as v2.McpServer
    late.registerTool(params.name, { inputSchema }, tool)
    scene.broker.requests.length = 0
    tool.mockClear()
    await isAskedOnce(guard(late))
  })

  test.each(lows)('mcp-server - a guarded Server of %s asks once', async (_version, make, method) => {
    const server = guard(make())
    handle(server, method)
    await isAskedOnce(server)
  })

  test.each(lows)(
    'mcp-server - a Server of %s is guarded before it has its handler, or not at all',
    (_version, make, method) => {
      const server = make()
      handle(server, method)
      expect(() => guard(server)).toThrow(/guard\(server\) comes before/)
    },
  )
})

describe('v1’s tasks', () => {
  const begin = vi.fn(async (_given: unknown, { taskStore }: { taskStore: InMemoryTaskStore }) => {
    const task = await taskStore.createTask({ ttl: 1_000, pollInterval: 1 } as never, 1 as never, {} as never)
    await taskStore.storeTaskResult(task.taskId, 'completed', done)
    return { task }
  })
  beforeEach(() => {
    begin.mockClear()
  })

  async function client(): Promise<Client> {
    const taskStore = new InMemoryTaskStore()
    const server = guard(new highV1.McpServer(info, { capabilities, taskStore }))
    const execution = { taskSupport: 'optional' as const }
    server.experimental.tasks.registerToolTask(params.name, { inputSchema, execution }, {
      createTask: begin,
    } as never)
    return connected(server as never)
  }

  test('mcp-server - a tool that makes tasks is held for a caller who waits for the result', async () => {
    const caller = await client()
    scene.broker.onRequest = () => 'denied'
    expect(await caller.callTool(params)).toMatchObject(refused)
    expect(await caller.callTool({ ...params, arguments: { limit: 'all' } })).toMatchObject({ isError: true })
    expect(scene.broker.requests).toHaveLength(1)
    expect(begin).not.toHaveBeenCalled()
    scene.broker.onRequest = () => 'approved'
    expect(await caller.callTool(params)).toMatchObject(done)
    expect(begin.mock.calls.map(([given]) => given)).toEqual([{ limit: 1 }])
    expect(scene.broker.requests).toHaveLength(2)
    await caller.close()
  })

  test('mcp-server - a refused task is an error that says why', async () => {
    const caller = await client()
    scene.broker.onRequest = () => 'denied'
    const task = { method: 'tools/call', params: { ...params, task: { ttl: 1_000 } } }
    await expect(caller.request(task as never)).rejects.toThrow(/APPROVAL_DENIED/)
    expect(begin).not.toHaveBeenCalled()
    await caller.close()
  })
})

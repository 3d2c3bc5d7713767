import { afterEach, expect, test, vi } from 'vitest'
import { z } from 'zod'
import {
  call,
  connect,
  type McpClient,
  type McpServer,
  type Pair,
} from '../../support/instrumentation/mcp.ts'
import { EXPORTED, type Limits, type Stage } from '../../support/instrumentation.ts'

/** What servers cannot do, whatever their version. */
export function limits<Sdk>(pairOf: (sdk: Sdk) => Pair): Limits<Sdk> {
  return {
    'timeout-stops': {
      note: 'servers have no timeout for a tool; a client that asked for progress, and waits as long as there is some, is told every 5 s that its call waits',
      async test({ sdk, scene, opened }) {
        const tool = vi.fn(async () => text(EXPORTED))
        const client = await connect(pairOf(sdk), 'app', (server) =>
          server.registerTool('export_customers', {}, tool),
        )
        const heard: string[] = []
        const onprogress = ({ message }: { message: string }) => heard.push(message)
        vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
        try {
          const options = { timeout: 60_000, resetTimeoutOnProgress: true, onprogress }
          const result = call(pairOf(sdk), client, { name: 'export_customers' }, options)
          const [request] = await opened()
          await vi.waitFor(() => expect(heard).toEqual(['waiting for approval']))
          vi.advanceTimersByTime(5_000)
          await vi.waitFor(() => expect(heard).toHaveLength(2))
          expect(tool).not.toHaveBeenCalled()
          scene.broker.decide(request as never, 'approved')
          expect(await result).toMatchObject(text(EXPORTED))
          vi.advanceTimersByTime(60_000)
          expect(heard).toHaveLength(2)
        } finally {
          vi.useRealTimers()
          await client.close()
        }
      },
    },
  }
}

const text = (of: string) => ({ content: [{ type: 'text', text: of }] })
const refused = { isError: true, content: [{ text: expect.stringMatching(/APPROVAL_DENIED/) }] }
const exporting = (limit: number) => ({ name: 'export_customers', arguments: { limit } })

/** What is special to servers. */
export function behaves<Sdk>(stage: () => Stage<Sdk>, pairOf: (sdk: Sdk) => Pair, toolsCall: unknown): void {
  afterEach(() => vi.unstubAllEnvs())

  async function with_(prepare: (server: McpServer) => void, use: (client: McpClient) => Promise<void>) {
    const client = await connect(pairOf(stage().sdk), 'app', prepare)
    await use(client).finally(() => client.close())
  }
  const send = (client: McpClient, params: object) => call(pairOf(stage().sdk), client, params)
  const asked = () => stage().scene.broker.requests.map(({ attempt }) => attempt.action)

  test('mcp-server - a handler that a program registers by itself is held as well', async () => {
    const handler = vi.fn(async (request: { params: object }) => text(JSON.stringify(request.params)))
    const { broker } = stage().scene
    await with_(
      (server) => server.server.setRequestHandler(toolsCall as never, handler as never),
      async (client) => {
        broker.onRequest = () => 'denied'
        expect(await send(client, exporting(1))).toMatchObject(refused)
        expect(handler).not.toHaveBeenCalled()
        broker.onRequest = () => 'approved'
        expect(await send(client, exporting(2))).toMatchObject(text(JSON.stringify(exporting(2))))
      },
    )
    const action = { kind: 'mcp', name: 'export_customers', target: 'crm/2.0.1' }
    expect(asked()).toMatchObject([1, 2].map((limit) => ({ ...action, arguments: { limit } })))
  })

  test('mcp-server - a handler for whatever has none is held for tools, and for nothing else', async () => {
    const { broker } = stage().scene
    const handler = vi.fn(async ({ method }: { method: string }) =>
      method === 'tools/list' ? { tools: [] } : text(method),
    )
    await with_(
      (server) => {
        for (const method of ['tools/call', 'tools/list']) server.server.removeRequestHandler(method)
        server.server.fallbackRequestHandler = handler
      },
      async (client) => {
        broker.onRequest = () => 'denied'
        expect(await send(client, exporting(1))).toMatchObject(refused)
        expect(handler).not.toHaveBeenCalled()
        expect(await client.listTools()).toMatchObject({ tools: [] })
        broker.onRequest = () => 'approved'
        expect(await send(client, exporting(2))).toMatchObject(text('tools/call'))
        expect(handler.mock.calls.at(-1)?.[0]).toMatchObject({ params: exporting(2) })
      },
    )
    expect(asked()).toMatchObject([1, 2].map((limit) => ({ name: 'export_customers', arguments: { limit } })))
  })

  test('mcp-server - nobody is asked about what the server rejects, or lists', async () => {
    const tool = vi.fn(async () => text(EXPORTED))
    await with_(
      (server) =>
        server.registerTool('export_customers', { inputSchema: z.object({ limit: z.number() }) }, tool),
      async (client) => {
        const rejected = [{ ...exporting(1), arguments: { limit: 'all' } }, { name: 'export_nothing' }]
        for (const params of rejected)
          expect(
            await send(client, params).catch((error: Error) => ({ isError: error.message })),
          ).toMatchObject({
            isError: expect.anything(),
          })
        expect((await client.listTools()).tools).toHaveLength(1)
      },
    )
    expect(asked()).toEqual([])
    expect(tool).not.toHaveBeenCalled()
  })

  test('mcp-server - people see what the schema adds, and what it makes a date of', async () => {
    const tool = vi.fn(async (_given: object) => text(EXPORTED))
    stage().scene.broker.onRequest = () => 'approved'
    await with_(
      (server) => {
        const inputSchema = z.object({ limit: z.number().default(100) })
        server.registerTool('export_customers', { inputSchema }, tool)
        server.registerTool('export_orders', { inputSchema: z.object({ since: z.coerce.date() }) }, tool)
      },
      async (client) => {
        await send(client, { name: 'export_customers', arguments: {} })
        await send(client, { name: 'export_orders', arguments: { since: '2026-11-01' } })
      },
    )
    expect(asked().map((action) => action.arguments)).toEqual([{ limit: 100 }, { since: '2026-11-01' }])
    expect(tool.mock.calls.map(([given]) => given)).toEqual([
      { limit: 100 },
      { since: new Date('2026-11-01') },
    ])
  })

  test('mcp-server - a tool may change its arguments, as it always could', async () => {
    const tool = async (given: { limit: number }) => text(String(++given.limit))
    stage().scene.broker.onRequest = () => 'approved'
    await with_(
      (server) =>
        server.registerTool('export_customers', { inputSchema: z.object({ limit: z.number() }) }, tool),
      async (client) => expect(await send(client, exporting(1))).toMatchObject(text('2')),
    )
  })

  test('mcp-server - a tool is known by the name that it has now, and one without a name is doubted', async () => {
    const tool = vi.fn(async () => text(EXPORTED))
    const handler = { handler: tool, executor: tool }
    stage().scene.broker.onRequest = () => 'denied'
    await with_(
      (server) => {
        const registered = server.registerTool('lookup_customers', {}, tool)
        ;(registered as { update(to: object): void }).update({ name: 'export_customers' })
        server.registerTool('lookup_orders', {}, (async (given: { signal: AbortSignal }) =>
          server.executeToolHandler(handler, undefined, given)) as never)
      },
      async (client) => {
        expect(await send(client, { name: 'export_customers' })).toMatchObject(refused)
        expect(await send(client, { name: 'lookup_orders' })).toMatchObject(refused)
      },
    )
    expect(asked().map(({ name }) => name)).toEqual(['export_customers', 'lookup_orders'])
    expect(tool).not.toHaveBeenCalled()
  })

  test('mcp-server - where it is switched on, a client that opens pages is shown where people judge, and may decline', async () => {
    vi.stubEnv('HOLDPOINT_MCP_ELICITATION', 'on')
    vi.stubEnv('HOLDPOINT_CONSOLE_URL', 'https://holdpoint.example.com')
    const { scene, opened, sdk } = stage()
    const tool = vi.fn(async () => text(EXPORTED))
    const answers: [action: string, runs: object][] = [
      ['accept', text(EXPORTED)],
      ['decline', { isError: true, content: [{ text: expect.stringMatching(/APPROVAL_CANCELLED/) }] }],
    ]
    for (const [action, expected] of answers) {
      scene.broker.requests.length = 0
      const shown = vi.fn(async (_request: { params: object }) => ({ action }))
      const client = await connect(
        pairOf(sdk),
        'app',
        (server) => server.registerTool('export_customers', {}, tool),
        {},
        { capabilities: { elicitation: { url: {} } }, onElicit: shown },
      )
      const result = send(client, { name: 'export_customers' })
      const [request] = await opened()
      await vi.waitFor(() => expect(shown).toHaveBeenCalled())
      const url = `https://holdpoint.example.com/requests/${request?.requestId}`
      expect(shown.mock.calls[0]?.[0].params).toMatchObject({ mode: 'url', url })
      if (action === 'accept') {
        // What the client's user says is no approval.
        expect(tool).not.toHaveBeenCalled()
        scene.broker.decide(request as never, 'approved')
      }
      expect(await result).toMatchObject(expected)
      await client.close()
    }
    await vi.waitFor(() => expect(scene.broker.requests[0]?.state).toBe('cancelled'))
    expect(tool).toHaveBeenCalledTimes(1)
  })
}

import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { type AnyClient, connected, type GatewayScene, type Sdk, soon, startGatewayScene } from './scene.ts'

let scene: GatewayScene
beforeAll(async () => {
  scene = await startGatewayScene()
})
afterAll(() => scene.stop())
afterEach(() => {
  scene.broker.onRequest = () => undefined
  scene.broker.requests.length = 0
})

const opened = (count = 1) =>
  soon(() => {
    expect(scene.broker.requests).toHaveLength(count)
    return scene.broker.requests[count - 1] as (typeof scene.broker.requests)[number]
  })
const exportOf = (limit: number) => ({ name: 'export_customers', arguments: { limit } })
const exported = (limit: number) => ({ content: [{ type: 'text', text: `exported ${limit}` }] })
const refused = (why: RegExp) => ({
  isError: true,
  content: [{ type: 'text', text: expect.stringMatching(why) }],
})

describe.each([
  ['v1', 'v1'],
  ['v1', 'v2'],
  ['v2', 'v1'],
  ['v2', 'v2'],
] as [Sdk, Sdk][])('client %s, server %s', (clientSdk, serverSdk) => {
  const connect = () => connected(scene, { client: clientSdk, server: serverSdk })

  test('mcp gateway - what is no tool call passes: lists, resources, prompts, pings, and what the server asks', async () => {
    const { client } = await connect()
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain('export_customers')
    expect((await client.listResources()).resources[0]?.uri).toBe('crm://terms')
    expect(await client.readResource({ uri: 'crm://terms' })).toMatchObject({
      contents: [{ text: 'Be kind.' }],
    })
    expect(await client.getPrompt({ name: 'greet' })).toMatchObject({ messages: [{ role: 'user' }] })
    await client.ping()
    const asked = await client.callTool({ name: 'lookup_asking', arguments: {} })
    expect(JSON.parse(asked.content?.[0]?.text ?? '')).toEqual([
      [{ uri: 'file:///home', name: 'home' }],
      { type: 'text', text: 'Yes' },
      { confirm: true },
    ])
    expect(scene.broker.requests).toEqual([])
    await client.close()
  })

  test('mcp gateway - a held call reaches the server after its release, with the approved arguments, once', async () => {
    const { client, entered } = await connect()
    const result = client.callTool(exportOf(100))
    const request = await opened()
    expect(request.attempt.action).toMatchObject({
      kind: 'mcp',
      name: 'export_customers',
      target: 'crm/2.0.1',
      arguments: { limit: 100 },
      runtime: { toolSchemaDigest: expect.stringMatching(/^sha-256:/) },
    })
    expect(request.attempt.doubt).toBeUndefined()
    expect(entered).toEqual([])
    scene.broker.decide(request, 'approved')
    expect(await result).toMatchObject(exported(100))
    expect(entered).toMatchObject([{ tool: 'export_customers', given: { limit: 100 } }])
    await soon(() => expect(scene.broker.outcomes.at(-1)).toMatchObject({ outcome: 'executed' }))
    await client.close()
  })

  test.each([
    ['denied', /APPROVAL_DENIED.*Audit first/s],
    ['expired', /APPROVAL_EXPIRED/],
  ] as const)(
    'mcp gateway - what is %s never reaches the server, and the model can read why',
    async (decision, why) => {
      const { client, entered } = await connect()
      const result = client.callTool(exportOf(1))
      scene.broker.decide(await opened(), decision, decision === 'denied' ? 'Audit first' : undefined)
      expect(await result).toMatchObject(refused(why))
      expect(entered).toEqual([])
      await client.close()
    },
  )

  test('mcp gateway - what policy denies is refused without asking anybody', async () => {
    const { client } = await connect()
    const result = await client.callTool({ name: 'drop_everything', arguments: {} })
    expect(result).toMatchObject(refused(/POLICY_DENIED.*change request/s))
    expect(scene.broker.requests).toEqual([])
    await client.close()
  })

  test('mcp gateway - an aborted call is taken back, and a late approval calls nothing', async () => {
    const { client, entered } = await connect()
    const caller = new AbortController()
    const result = client.callTool(exportOf(3), { signal: caller.signal })
    const failed = expect(result).rejects.toThrow()
    const request = await opened()
    caller.abort('no longer wanted')
    await failed
    await soon(() => expect(request.state).toBe('cancelled'))
    await client.ping()
    expect(entered).toEqual([])
    await client.close()
  })

  test('mcp gateway - a client that gives up takes its call back with it', async () => {
    const { client, entered } = await connect()
    await expect(client.callTool(exportOf(4), { timeout: 60 })).rejects.toThrow(/timed out/i)
    const request = await opened()
    await soon(() => expect(request.state).toBe('cancelled'))
    expect(entered).toEqual([])
    await client.close()
  })

  test('mcp gateway - progress keeps a held call alive where the client lets it, and says what it waits for', async () => {
    const { client } = await connect()
    const told: { progress: number; message?: string }[] = []
    const options = { timeout: 300, resetTimeoutOnProgress: true, onprogress: (one: never) => told.push(one) }
    const result = client.callTool(exportOf(5), options)
    const request = await opened()
    await soon(() => expect(told.length).toBeGreaterThan(20))
    expect(told[0]?.message).toContain(request.requestId)
    expect(told.map(({ progress }) => progress)).toEqual(
      told.map(({ progress }) => progress).toSorted((a, b) => a - b),
    )
    scene.broker.decide(request, 'approved')
    expect(await result).toMatchObject(exported(5))
    await client.close()
  })

  test('mcp gateway - calls that wait do not hold up each other, nor anything else', async () => {
    const { client, entered } = await connect()
    const [first, second] = [client.callTool(exportOf(6)), client.callTool(exportOf(7))]
    await opened(2)
    expect(await client.callTool({ name: 'lookup_customer', arguments: { id: 9 } })).toMatchObject({
      content: [{ text: 'customer 9' }],
    })
    await client.listTools()
    const of = (limit: number) =>
      scene.broker.requests.find(
        ({ attempt }) => (attempt.action.arguments as { limit: number }).limit === limit,
      )
    scene.broker.decide(of(7) as never, 'approved')
    expect(await second).toMatchObject(exported(7))
    scene.broker.decide(of(6) as never, 'denied')
    expect(await first).toMatchObject(refused(/APPROVAL_DENIED/))
    expect(entered.map(({ given }) => given)).toEqual([{ id: 9 }, { limit: 7 }])
    await client.close()
  })

  test('mcp gateway - the server’s own progress passes, and a cancellation reaches what runs', async () => {
    const { client, entered } = await connect()
    const caller = new AbortController()
    const told = vi.fn(() => caller.abort('enough'))
    await expect(
      client.callTool({ name: 'lookup_slowly', arguments: {} }, { signal: caller.signal, onprogress: told }),
    ).rejects.toThrow()
    expect(told).toHaveBeenCalledWith(expect.objectContaining({ progress: 1, total: 2 }))
    await soon(() => expect(entered[0]?.isAborted()).toBe(true))
    await client.close()
  })

  test('mcp gateway - a tool’s own error comes back unchanged, and the ledger hears that it failed', async () => {
    scene.broker.onRequest = () => 'approved'
    const { client } = await connect()
    const result = await client.callTool(exportOf(13))
    expect(result).toMatchObject({ isError: true, content: [{ text: 'thirteen' }] })
    await soon(() =>
      expect(scene.broker.outcomes.at(-1)).toMatchObject({ outcome: 'failed', errorType: 'tool_error' }),
    )
    await client.close()
  })

  test('mcp gateway - a client that goes away takes back what it had held', async () => {
    const { client, entered, running } = await connect()
    const result = client.callTool(exportOf(8)).catch((error: Error) => error)
    const request = await opened()
    running.toGateway.end()
    await soon(() => expect(request.state).toBe('cancelled'))
    expect(await running.ended).toMatchObject({ exitCode: 0 })
    await client.close()
    expect(await result).toBeInstanceOf(Error)
    expect(entered).toEqual([])
  })
})

describe('protocol 2026-07-28', () => {
  const connect = () =>
    connected(scene, { client: 'v2', server: 'v2' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } })

  test('mcp gateway - calls are ruled on, and a refusal is a complete result', async () => {
    const { client, entered } = await connect()
    expect(await client.callTool({ name: 'lookup_customer', arguments: { id: 1 } })).toMatchObject({
      content: [{ text: 'customer 1' }],
    })
    const result = client.callTool(exportOf(2))
    const request = await opened()
    expect(request.attempt.action.target).toBe('crm/2.0.1')
    scene.broker.decide(request, 'denied', 'No')
    expect(await result).toMatchObject(refused(/APPROVAL_DENIED/))
    expect(entered).toHaveLength(1)
    await client.close()
  })

  test('mcp gateway - a call that the server asks back about is one call, and released once', async () => {
    const { client, entered } = await connect()
    scene.broker.onRequest = () => 'approved'
    const result: Awaited<ReturnType<AnyClient['callTool']>> = await client.callTool({
      name: 'export_confirmed',
      arguments: { limit: 5 },
    })
    expect(result).toMatchObject({ content: [{ text: 'exported 5, confirmed' }] })
    expect(entered.map(({ tool }) => tool)).toEqual(['export_confirmed', 'export_confirmed'])
    expect(scene.broker.requests).toHaveLength(1)
    await client.close()
  })
})

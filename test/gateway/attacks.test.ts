import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { createGate } from '#gate'
import { configFor } from '../support/gate-scene.ts'
import { type GatewayScene, type Running, startGatewayScene } from './scene.ts'

let scene: GatewayScene
let running: Running
beforeAll(async () => {
  scene = await startGatewayScene()
})
afterAll(() => scene.stop())
beforeEach(() => {
  running = scene.run({ maxMessageBytes: 4096 })
})
afterEach(() => {
  running.stop.abort()
  scene.broker.onRequest = () => undefined
  scene.broker.requests.length = 0
})

const write = (line: string | Buffer) =>
  void running.toGateway.write(Buffer.concat([Buffer.from(line), Buffer.from('\n')]))
const serverSays = (message: unknown) =>
  void running.server.stdout.write(`${typeof message === 'string' ? message : JSON.stringify(message)}\n`)
/** What was sent before it has arrived, or never will. */
async function ping(id = 'ping'): Promise<void> {
  write(JSON.stringify({ jsonrpc: '2.0', id, method: 'ping' }))
  await vi.waitFor(() => expect(running.toServer.at(-1)).toMatchObject({ id, method: 'ping' }))
}
const call = (id: unknown, name = 'export_customers', args: unknown = { limit: 1 }) =>
  ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: args } }) as const
const TOOLS = ['export_customers', 'lookup_customer'].map((name) => ({
  name,
  inputSchema: { type: 'object' },
}))

/** Answers the gateway's own question, as a server would. */
async function listed(tools: object[] = TOOLS): Promise<void> {
  const asked = await vi.waitFor(() => {
    const last = running.toServer.findLast(({ method }) => method === 'tools/list')
    expect(last).toBeDefined()
    return last as { id: string }
  })
  serverSays({ jsonrpc: '2.0', id: asked.id, result: { tools } })
}
const opened = () =>
  vi.waitFor(() => {
    expect(scene.broker.requests).toHaveLength(1)
    return scene.broker.requests[0] as (typeof scene.broker.requests)[number]
  })

describe('from the client', () => {
  const inner = '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"export_customers"}}'
  const refused: [what: string, line: string | Buffer][] = [
    ['no JSON', 'tools/call'],
    ['JSON that breaks off', '{"jsonrpc":"2.0","id":1,"method":"tools/call"'],
    ['a text', '"tools/call"'],
    ['a byte order mark before a call', `\uFEFF${JSON.stringify(call(1))}`],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ['a call in UTF-16', Buffer.from(JSON.stringify(call(1)), 'utf16le')],
    [
      'a method twice',
      '{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call","params":{"name":"x"}}',
    ],
    ['a method twice, once escaped', '{"jsonrpc":"2.0","id":1,"method":"ping","m\\u0065thod":"tools/call"}'],
    ['a method in another case beside one', '{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call"}'],
    ['a method that folds to one', '{"jsonrpc":"2.0","id":1,"method":"ping","par\\u0061m\u017F":{}}'],
    [
      'the same key twice, deep inside',
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"lookup_customer","arguments":{"a":{"b":1,"b":2}}}}',
    ],
    [
      'two names',
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"lookup_customer","name":"export_customers"}}',
    ],
    [
      'a name in another case',
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"lookup_customer","Name":"export_customers"}}',
    ],
    [
      'a member of params that nobody is shown',
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"lookup_customer","args":{"all":true}}}',
    ],
    ['a method in capitals', JSON.stringify({ ...call(1), method: 'Tools/Call' })],
    ['a method with a space', JSON.stringify({ ...call(1), method: 'tools/call ' })],
    ['a method with a zero', JSON.stringify({ ...call(1), method: 'tools/call\0' })],
    ['a method with a soft hyphen', JSON.stringify({ ...call(1), method: 'tools/\u00ADcall' })],
    ['a method that is a list', JSON.stringify({ ...call(1), method: ['tools/call'] })],
    ['a call without an id', JSON.stringify({ ...call(1), id: undefined })],
    ['a call whose id is null', JSON.stringify(call(null))],
    ['a call whose id is an object', JSON.stringify(call({ id: 1 }))],
    ['a call whose id is no whole number', JSON.stringify(call(1.5))],
    ['a call whose id is enormous', JSON.stringify(call('x'.repeat(201)))],
    ['a call inside a batch', `[{"jsonrpc":"2.0","id":1,"method":"ping"},${inner}]`],
    ['a batch inside a batch', `[[${inner}]]`],
    ['an empty batch', '[]'],
    [
      'a call for readers that end lines at a carriage return',
      `{"jsonrpc":"2.0","id":1,"method":"ping","params":\r${inner}\r}`,
    ],
    ['a call and an answer in one', JSON.stringify({ ...call(1), result: {} })],
    [
      'an answer with result and error',
      '{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":""}}',
    ],
    ['another version of JSON-RPC', JSON.stringify({ ...call(1), jsonrpc: '1.0' })],
    ['no version of JSON-RPC', JSON.stringify({ ...call(1), jsonrpc: undefined })],
    ['params that are a list', JSON.stringify({ ...call(1), params: ['export_customers'] })],
    ['arguments that are a text', JSON.stringify(call(1, 'export_customers', '{"limit":1}'))],
    ['arguments that are null', JSON.stringify(call(1, 'export_customers', null))],
    [
      'a number that not all can hold',
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"lookup_customer","arguments":{"id":9007199254740993}}}',
    ],
    [
      'half of a surrogate pair',
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"lookup_\\ud800"}}',
    ],
    [
      'nesting without an end',
      `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${'{"a":'.repeat(100)}1${'}'.repeat(100)}}`,
    ],
    [
      'answers to a question that nobody asked',
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"lookup_customer","requestState":"x"}}',
    ],
    ['an enormous line', JSON.stringify(call(1, 'lookup_customer', { pad: 'x'.repeat(5000) }))],
  ]

  test.each(refused)(
    'mcp gateway - %s is refused, and nothing of it reaches the server',
    async (_what, line) => {
      write(line)
      await ping()
      expect(running.toServer).toHaveLength(1)
      expect(running.toClient[0]).toMatchObject({
        jsonrpc: '2.0',
        error: { code: expect.any(Number), message: expect.stringContaining('refused') },
      })
      expect(scene.broker.requests).toEqual([])
    },
  )

  test('mcp gateway - what was refused is answered under its id, where it has one', async () => {
    write('{"jsonrpc":"2.0","id":"a","method":"ping","method":"ping"}')
    write(JSON.stringify({ ...call('b'), params: {} }))
    write('{"jsonrpc":"2.0","method":"notifications/initialized","x":1}')
    await ping()
    expect(running.toClient.map(({ id }) => id)).toEqual(['a', 'b', null])
  })

  test('mcp gateway - an enormous line without an end costs no memory, and the next one is read', async () => {
    for (let n = 0; n < 50; n++) running.toGateway.write('x'.repeat(10_000))
    running.toGateway.write('\n')
    await ping()
    expect(running.toClient).toHaveLength(1)
  })

  test('mcp gateway - the last line, broken off by the end, is no message', async () => {
    running.toGateway.end(JSON.stringify(call(1, 'lookup_customer')))
    await running.ended
    expect(running.toServer).toEqual([])
  })

  test('mcp gateway - an id that waits for its answer is not taken a second time, in whatever form', async () => {
    write(JSON.stringify(call(5)))
    await listed()
    await opened()
    write(JSON.stringify({ jsonrpc: '2.0', id: 5, method: 'ping' }))
    write(JSON.stringify({ jsonrpc: '2.0', id: '5', method: 'resources/list' }))
    write('[{"jsonrpc":"2.0","id":6,"method":"ping"},{"jsonrpc":"2.0","id":"6","method":"ping"}]')
    await ping()
    expect(running.toServer.map(({ method }) => method)).toEqual(['tools/list', 'ping'])
    // Not under that id: it would be taken for the answer to the call.
    expect(running.toClient).toMatchObject([{ id: null }, { id: null }, { id: null }])
  })

  test('mcp gateway - a batch without a call passes as it is', async () => {
    write('[{"jsonrpc":"2.0","id":1,"method":"ping"}, {"jsonrpc":"2.0","method":"notifications/x"}]')
    await vi.waitFor(() => expect(running.toServer).toHaveLength(1))
    expect(running.toServer[0]).toEqual([
      { jsonrpc: '2.0', id: 1, method: 'ping' },
      { jsonrpc: '2.0', method: 'notifications/x' },
    ])
    serverSays('[{"jsonrpc":"2.0","id":1,"result":{}}]')
    await vi.waitFor(() => expect(running.toClient).toEqual([[{ jsonrpc: '2.0', id: 1, result: {} }]]))
  })

  test('mcp gateway - what is not tools/call goes through byte by byte', async () => {
    const bytes: Buffer[] = []
    running.server.stdin.on('data', (chunk) => bytes.push(chunk))
    const line =
      '{ "method" : "completion\\/complete", "jsonrpc":"2.0","id":1.0e0,"params":{"z":1,"a":"\u2028é\\u00e9"} }\r'
    write(line)
    await vi.waitFor(() => expect(Buffer.concat(bytes).toString()).toBe(`${line}\n`))
  })

  test('mcp gateway - a call is sent as it was understood, whatever way it was written', async () => {
    const bytes: Buffer[] = []
    running.server.stdin.on('data', (chunk) => bytes.push(chunk))
    write(
      '{"id":1,"jsonrpc":"2.0","m\\u0065thod":"tools\\/call","params":{"n\\u0061me":"lookup_customer","arguments":{"id":1e0,"t":"\u2028"}}}',
    )
    await listed()
    await vi.waitFor(() => expect(running.toServer).toHaveLength(2))
    expect(Buffer.concat(bytes).toString().split('\n')[1]).toBe(
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"lookup_customer","arguments":{"id":1,"t":"\\u2028"}}}',
    )
  })

  test('mcp gateway - another’s cancellation of a held call takes back that one alone', async () => {
    write(JSON.stringify(call(7)))
    await listed()
    const request = await opened()
    write('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":8}}')
    await ping()
    expect(request.state).toBe('pending')
    write('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}')
    await vi.waitFor(() => expect(request.state).toBe('cancelled'))
    await ping('again')
    // The server never heard of it, so it hears of no cancellation either; and nobody waits for an answer.
    expect(running.toServer.map(({ method }) => method)).toEqual([
      'tools/list',
      'notifications/cancelled',
      'ping',
      'ping',
    ])
    expect(running.toClient).toEqual([])
  })
})

describe('from the server', () => {
  test('mcp gateway - an answer to a call that is still held is invented, and not passed on', async () => {
    write(JSON.stringify(call(1)))
    await listed()
    const request = await opened()
    serverSays({ jsonrpc: '2.0', id: 1, result: { content: [{ type: 'text', text: 'done already' }] } })
    serverSays({ jsonrpc: '2.0', id: '1', result: {} })
    serverSays([{ jsonrpc: '2.0', id: 1, result: {} }])
    scene.broker.decide(request, 'denied')
    await vi.waitFor(() => expect(running.toClient).toHaveLength(1))
    expect(running.toClient[0]).toMatchObject({ id: 1, result: { isError: true } })
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
    await ping('p')
    serverSays(line)
    serverSays({ jsonrpc: '2.0', method: 'notifications/end' })
    await vi.waitFor(() => expect(running.toClient.at(-1)).toMatchObject({ method: 'notifications/end' }))
    expect(running.toClient.filter((message) => 'result' in message)).toEqual([])
    expect(running.log.lines).toMatchObject([{ level: 'warn' }])
  })

  test('mcp gateway - whoever waits for an answer that cannot be read is told', async () => {
    await ping('p')
    serverSays('{"jsonrpc":"2.0","id":"p","result":{"a":1,"a":2}}')
    await vi.waitFor(() => expect(running.toClient).toMatchObject([{ id: 'p', error: { code: -32603 } }]))
  })

  test('mcp gateway - numbers that only some can hold pass in a result', async () => {
    await ping('p')
    serverSays('{"jsonrpc":"2.0","id":"p","result":{"id":9007199254740993}}')
    await vi.waitFor(() => expect(running.toClient).toMatchObject([{ id: 'p', result: {} }]))
  })

  test('mcp gateway - an enormous message ends the server: whose answer it was, nobody can say', async () => {
    await ping('p')
    serverSays('x'.repeat(5000))
    await running.ended
    expect(running.server.stops).toEqual(['now'])
    expect(running.toClient).toMatchObject([
      { id: 'p', error: { message: expect.stringContaining('ended') } },
    ])
  })

  test('mcp gateway - a server that crashes leaves nobody waiting, and nothing that would still run', async () => {
    scene.broker.onRequest = ({ attempt }) =>
      (attempt.action.arguments as { limit: number }).limit === 1 ? 'approved' : undefined
    write(JSON.stringify(call('sent')))
    await listed()
    await vi.waitFor(() => expect(running.toServer.at(-1)).toMatchObject({ method: 'tools/call' }))
    write(JSON.stringify(call('held', 'export_customers', { limit: 2 })))
    await vi.waitFor(() => expect(scene.broker.requests).toHaveLength(2))
    await ping('p')
    running.server.end(7)
    expect(await running.ended).toMatchObject({ exitCode: 7 })
    await vi.waitFor(() => expect(running.toClient).toHaveLength(3))
    const of = (id: string) => running.toClient.find((one) => one.id === id)
    expect(of('sent')).toMatchObject({ error: { message: expect.stringMatching(/exit code 7.*unknown/) } })
    expect(of('held')).toMatchObject({ error: { message: expect.stringMatching(/exit code 7.*not run/) } })
    expect(of('p')).toMatchObject({ error: {} })
    await vi.waitFor(() => expect(scene.broker.requests[1]?.state).toBe('cancelled'))
    await vi.waitFor(() =>
      expect(scene.broker.outcomes.at(-1)).toMatchObject({ outcome: 'failed', errorType: 'server_ended' }),
    )
  })
})

test('mcp gateway - without a broker a call is refused by a result that says so, and all else goes on', async () => {
  const gate = createGate(
    { ...configFor(scene.broker, 'nats://127.0.0.1:1'), requestTimeoutMs: 100 },
    { now: Date.now },
  )
  await gate.start()
  running = scene.run({ gate })
  write(JSON.stringify(call(1, 'lookup_customer')))
  await listed()
  await ping()
  await vi.waitFor(() =>
    expect(running.toClient).toMatchObject([
      {
        id: 1,
        result: { isError: true, content: [{ text: expect.stringContaining('BROKER_UNAVAILABLE') }] },
      },
    ]),
  )
  expect(running.toServer.map(({ method }) => method)).toEqual(['tools/list', 'ping'])
  await gate.stop()
})

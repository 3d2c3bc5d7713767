import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
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

const inner = '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"export_customers"}}'
const refused: [what: string, line: string | Buffer][] = [
  ['no JSON', 'tools/call'],
  ['JSON that breaks off', '{"jsonrpc":"2.0","id":1,"method":"tools/call"'],
  ['a text', '"tools/call"'],
  ['a byte order mark before a call', `\uFEFF${JSON.stringify(call(1))}`],
  [
    'bytes that are not UTF-8',
    Buffer.from('{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":"\xff"}}', 'latin1'),
  ],
  ['a call in UTF-16', Buffer.from(JSON.stringify(call(1)), 'utf16le')],
  ['a method twice', '{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call","params":{"name":"x"}}'],
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
  ['an answer with result and error', '{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":""}}'],
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
    raw.write(line)
    await raw.ping()
    expect(raw.running.toServer).toHaveLength(1)
    expect(raw.running.toClient[0]).toMatchObject({
      jsonrpc: '2.0',
      error: { code: expect.any(Number), message: expect.stringContaining('refused') },
    })
    expect(scene.broker.requests).toEqual([])
  },
)

test('mcp gateway - what was refused is answered under its id, where it has one', async () => {
  raw.write('{"jsonrpc":"2.0","id":"a","method":"ping","method":"ping"}')
  raw.write(JSON.stringify({ ...call('b'), params: {} }))
  raw.write('{"jsonrpc":"2.0","method":"notifications/initialized","x":1}')
  await raw.ping()
  expect(raw.running.toClient.map(({ id }) => id)).toEqual(['a', 'b', null])
})

test('mcp gateway - an enormous line without an end costs no memory, and the next one is read', async () => {
  for (let n = 0; n < 50; n++) raw.running.toGateway.write('x'.repeat(10_000))
  raw.running.toGateway.write('\n')
  await raw.ping()
  expect(raw.running.toClient).toHaveLength(1)
})

test('mcp gateway - the last line, broken off by the end, is no message', async () => {
  raw.running.toGateway.end(JSON.stringify(call(1, 'lookup_customer')))
  await raw.running.ended
  expect(raw.running.toServer).toEqual([])
})

test('mcp gateway - an id that waits for its answer is not taken a second time, in whatever form', async () => {
  raw.write(JSON.stringify(call(5)))
  await raw.listed()
  await opened(scene)
  raw.write(JSON.stringify({ jsonrpc: '2.0', id: 5, method: 'ping' }))
  raw.write(JSON.stringify({ jsonrpc: '2.0', id: '5', method: 'resources/list' }))
  raw.write('[{"jsonrpc":"2.0","id":6,"method":"ping"},{"jsonrpc":"2.0","id":"6","method":"ping"}]')
  await raw.ping()
  expect(raw.running.toServer.map(({ method }) => method)).toEqual(['tools/list', 'ping'])
  // Not under that id: it would be taken for the answer to the call.
  expect(raw.running.toClient).toMatchObject([{ id: null }, { id: null }, { id: null }])
})

test('mcp gateway - a batch without a call passes as it is', async () => {
  raw.write('[{"jsonrpc":"2.0","id":1,"method":"ping"}, {"jsonrpc":"2.0","method":"notifications/x"}]')
  await soon(() => expect(raw.running.toServer).toHaveLength(1))
  expect(raw.running.toServer[0]).toEqual([
    { jsonrpc: '2.0', id: 1, method: 'ping' },
    { jsonrpc: '2.0', method: 'notifications/x' },
  ])
  raw.serverSays('[{"jsonrpc":"2.0","id":1,"result":{}}]')
  await soon(() => expect(raw.running.toClient).toEqual([[{ jsonrpc: '2.0', id: 1, result: {} }]]))
})

test('mcp gateway - what is not tools/call goes through byte by byte', async () => {
  const bytes: Buffer[] = []
  raw.running.server.stdin.on('data', (chunk) => bytes.push(chunk))
  const line =
    '{ "method" : "completion\\/complete", "jsonrpc":"2.0","id":1.0e0,"params":{"z":1,"a":"\u2028é\\u00e9"} }\r'
  raw.write(line)
  await soon(() => expect(Buffer.concat(bytes).toString()).toBe(`${line}\n`))
})

test('mcp gateway - a call is sent as it was understood, whatever way it was written', async () => {
  const bytes: Buffer[] = []
  raw.running.server.stdin.on('data', (chunk) => bytes.push(chunk))
  raw.write(
    '{"id":1,"jsonrpc":"2.0","m\\u0065thod":"tools\\/call","params":{"n\\u0061me":"lookup_customer","arguments":{"id":1e0,"t":"\u2028"}}}',
  )
  await raw.listed()
  await soon(() => expect(raw.running.toServer).toHaveLength(2))
  expect(Buffer.concat(bytes).toString().split('\n')[1]).toBe(
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"lookup_customer","arguments":{"id":1,"t":"\\u2028"}}}',
  )
})

test('mcp gateway - another’s cancellation of a held call takes back that one alone', async () => {
  raw.write(JSON.stringify(call(7)))
  await raw.listed()
  const request = await opened(scene)
  raw.write('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":8}}')
  await raw.ping()
  expect(request.state).toBe('pending')
  raw.write('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}')
  await soon(() => expect(request.state).toBe('cancelled'))
  await raw.ping('again')
  // The server never heard of it, so it hears of no cancellation either; and nobody waits for an answer.
  expect(raw.running.toServer.map(({ method }) => method)).toEqual([
    'tools/list',
    'notifications/cancelled',
    'ping',
    'ping',
  ])
  expect(raw.running.toClient).toEqual([])
})

describe('answers to what a server asked back', () => {
  const asksBack = (id: unknown, requestState?: string) =>
    raw.serverSays({
      jsonrpc: '2.0',
      id,
      result: {
        resultType: 'input_required',
        inputRequests: { sure: {} },
        ...(requestState && { requestState }),
      },
    })
  const again = (id: unknown, requestState: string, args: unknown = { limit: 1 }) => {
    const { params, ...rest } = call(id, 'export_customers', args)
    raw.write(JSON.stringify({ ...rest, params: { ...params, requestState, inputResponses: { sure: {} } } }))
  }
  const released = async () => {
    scene.broker.onRequest = () => 'approved'
    raw.write(JSON.stringify(call(1)))
    await raw.listed()
    await soon(() => expect(raw.running.toServer.at(-1)).toMatchObject({ id: 1 }))
    asksBack(1, 'state')
    await soon(() => expect(raw.running.toClient).toHaveLength(1))
  }

  test('mcp gateway - they pass once, with the very call that was released', async () => {
    await released()
    again(2, 'state')
    await soon(() => expect(raw.running.toServer.at(-1)).toMatchObject({ id: 2, method: 'tools/call' }))
    again(3, 'state')
    await soon(() => expect(raw.running.toClient.at(-1)).toMatchObject({ id: 3, error: { code: -32602 } }))
    expect(scene.broker.requests).toHaveLength(1)
  })

  test.each([
    ['other arguments', 'state', { limit: 1_000_000 }],
    ['another state', 'other', { limit: 1 }],
  ])('mcp gateway - with %s they are refused, whatever was released before', async (_what, state, args) => {
    await released()
    again(2, state, args)
    await soon(() => expect(raw.running.toClient.at(-1)).toMatchObject({ id: 2, error: { code: -32602 } }))
    expect(raw.running.toServer.filter(({ method }) => method === 'tools/call')).toHaveLength(1)
  })

  test('mcp gateway - to a question of a call that was refused there are none', async () => {
    scene.broker.onRequest = () => 'denied'
    raw.write(JSON.stringify(call(1)))
    await raw.listed()
    await soon(() => expect(raw.running.toClient).toHaveLength(1))
    asksBack(1, 'state')
    again(2, 'state')
    await soon(() => expect(raw.running.toClient.at(-1)).toMatchObject({ id: 2, error: { code: -32602 } }))
  })
})

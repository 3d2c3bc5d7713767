import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createHttpServer } from '#runtime'
import { refusal, type Scene, startScene } from './scene.ts'

let scene: Scene
beforeAll(async () => {
  scene = await startScene()
})
afterAll(() => scene.house.stop())

const EVERYWHERE = [
  '/v1/requests',
  '/v1/nothing',
  '/',
  '/healthz',
  '/metrics',
  '/openapi.json',
  '/.well-known/jwks.json',
]

test.each(EVERYWHERE)('api - %s answers nobody’s page, and no browser runs or frames it', async (path) => {
  for (const method of ['GET', 'POST', 'OPTIONS', 'PUT']) {
    const headers = {
      origin: 'https://evil.example',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization',
    }
    const { headers: answered } = await scene.api.request(path, { method, headers })
    expect([...answered.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
    expect(answered.get('x-content-type-options')).toBe('nosniff')
    expect(answered.get('content-security-policy')).toBe("default-src 'none'; frame-ancestors 'none'")
    expect(answered.get('referrer-policy')).toBe('no-referrer')
    expect(answered.get('set-cookie')).toBeNull()
  }
})

test('api - only keys and the document may be kept by a cache', async () => {
  const kept = async (path: string) => (await scene.get(path, 'bob')).headers.get('cache-control')
  for (const path of ['/v1/keys', '/.well-known/jwks.json', '/openapi.json'])
    expect(await kept(path)).toBe('public, max-age=300')
  for (const path of ['/v1/requests', '/v1/policy', '/v1/nothing', '/healthz', '/metrics'])
    expect(await kept(path)).toBe('no-store')
})

test('api - a method that an address does not have is refused with those that it has', async () => {
  for (const [path, allow] of [
    ['/v1/requests', 'GET, HEAD, OPTIONS'],
    ['/v1/requests/1-x/reviews', 'POST, OPTIONS'],
    ['/healthz', 'GET, HEAD, OPTIONS'],
  ] as const) {
    for (const method of ['PUT', 'PATCH', 'DELETE']) {
      const response = await scene.api.request(path, { method })
      expect(response.headers.get('allow')).toBe(allow)
      expect(await refusal(response)).toEqual([405, 'METHOD_NOT_ALLOWED'])
    }
    const options = await scene.api.request(path, { method: 'OPTIONS' })
    expect([options.status, options.headers.get('allow')]).toEqual([204, allow])
  }
  expect(await refusal(await scene.get('/v1/requests/1-x/reviews', 'bob'))).toEqual([
    405,
    'METHOD_NOT_ALLOWED',
  ])
})

test('api - what is not there is a problem too', async () => {
  for (const path of [
    '/v1',
    '/v1/',
    '/v1/requests/',
    '/v1/requests/a/b/c',
    '/v2/requests',
    '/.well-known/x',
    '/%00',
  ])
    expect(await refusal(await scene.get(path, 'bob'))).toEqual([404, 'NOT_FOUND'])
})

test('api - who does not take what there is, is told so', async () => {
  for (const [path, accept] of [
    ['/v1/requests', 'text/html'],
    ['/v1/requests', 'application/json;q=0, text/*'],
    ['/v1/events', 'application/json'],
    ['/metrics', 'application/openmetrics-text'],
  ] as const)
    expect(await refusal(await scene.get(path, 'bob', { accept }))).toEqual([406, 'INVALID_INPUT'])
  for (const accept of ['*/*', 'application/*', 'text/html, application/json;q=0.1', ''])
    expect((await scene.get('/v1/requests', 'bob', { accept })).status).toBe(200)
})

/** What a client that keeps to no rule sends, byte for byte; what comes back until the server closes. */
async function sendRaw(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let answered = ''
  socket.setEncoding('utf8').on('data', (part: string) => {
    answered += part
  })
  socket.on('error', () => {})
  socket.write(text)
  await once(socket, 'close')
  return answered
}

test('api - over a real connection, doubled headers and bodies without end are refused', async () => {
  const { fetch } = scene.api
  const server = createHttpServer(
    { name: 'api', host: '127.0.0.1', port: 0 },
    { fetch, log: scene.house.log },
  )
  await server.start()
  try {
    const good = `Authorization: Bearer ${scene.house.token('bob')}\r\n`
    const send = (head: string, body = '') =>
      sendRaw(server.port(), `${head}\r\nHost: x\r\nConnection: close\r\n${body === '' ? '\r\n' : body}`)
    expect(await send(`GET /v1/requests HTTP/1.1\r\n${good.trimEnd()}`)).toMatch(/^HTTP\/1.1 200 /)
    for (const twice of [`${good}Authorization: Bearer x`, `Authorization: Bearer x\r\n${good.trimEnd()}`])
      expect(await send(`GET /v1/requests HTTP/1.1\r\n${twice}`)).toMatch(
        /^HTTP\/1.1 400 [\s\S]*INVALID_INPUT/,
      )
    const chunk = `8000\r\n${'x'.repeat(0x8000)}\r\n`
    const post = `POST /v1/requests/1-x/reviews HTTP/1.1\r\nContent-Type: application/json\r\n${good.trimEnd()}`
    expect(await send(post, `Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(3)}0\r\n\r\n`)).toMatch(
      /^HTTP\/1.1 413 [\s\S]*PAYLOAD_TOO_LARGE/,
    )
    expect(await send(`GET /v1/requests HTTP/1.1\r\nX-Long: ${'x'.repeat(40_000)}`)).toMatch(
      /^HTTP\/1.1 431 /,
    )
  } finally {
    await server.stop()
  }
})

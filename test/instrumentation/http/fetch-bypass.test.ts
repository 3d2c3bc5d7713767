import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import net, { type AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { http } from '../../../instrumentation/http/index.ts'
import { allowList, HTTP_POLICY, type HttpScene, SOON, startHttpScene } from './scene.ts'

const undici = createRequire(import.meta.url)('undici') as typeof import('undici')
let scene: HttpScene
let version = 2

beforeAll(async () => {
  scene = await startHttpScene()
  http.patchGlobals?.(scene.gate)
  http.patch(undici as never, scene.gate)
})
afterAll(() => scene?.stop())
afterEach(() => scene.reset())

async function publish(policy: string, says: string, name = 'GET /'): Promise<void> {
  scene.broker.publishPolicy(policy, ++version)
  await vi.waitFor(() => expect(scene.gate.foresee({ kind: 'http', name, arguments: {} })).toBe(says), SOON)
}
const denied = { code: 'APPROVAL_DENIED' }
const request = (path: string, more: object = {}) => {
  const { origin } = scene
  return undici.request(origin, { path, method: 'DELETE', ...more } as never)
}

describe('one route in other clothes', () => {
  afterEach(() => expect(scene.received).toEqual([]))

  test.each([
    ['/v1/./customers/7'],
    ['/v1/a/../customers/7'],
    ['/v1/%63ustomers/7'],
    ['/v1%2fcustomers/7'],
    ['//v1/customers/7'],
    ['/v1;a/customers/7'],
  ])('http - %s is held as the route that it is', async (path) => {
    scene.broker.onRequest = () => 'denied'
    const pool = new undici.Pool(scene.origin)
    await expect(pool.request({ path, method: 'DELETE' })).rejects.toMatchObject(denied)
    expect(scene.broker.requests[0]?.attempt.action.name).toBe('DELETE /v1/customers/7')
    await pool.close()
  })

  test('http - neither a header that changes the method or the path, nor small letters, slip past', async () => {
    scene.broker.onRequest = () => 'denied'
    for (const more of [
      { method: 'POST', headers: { 'x-http-method-override': 'DELETE' } },
      { method: 'POST', headers: ['X-HTTP-Method', 'delete'] },
      { method: 'delete' },
    ])
      await expect(request('/v1/customers/7', more)).rejects.toMatchObject(denied)
    await expect(
      request('/v1/models', { headers: { 'x-original-url': '/admin/users' } }),
    ).rejects.toMatchObject({ code: 'POLICY_DENIED' })
  })

  test('http - a client that belongs to one host goes there, whatever a request calls its origin', async () => {
    scene.broker.onRequest = () => 'denied'
    const client = new undici.Client('http://vault.example.com')
    await expect(
      client.request({ origin: 'http://harmless.example.com', path: '/x', method: 'GET' } as never),
    ).rejects.toMatchObject(denied)
    expect(scene.broker.requests[0]?.attempt.action.target).toBe('http://vault.example.com')
    expect(scene.broker.requests[0]?.attempt.doubt).toContain('harmless.example.com')
    void client.destroy()
    await expect(
      request('/x', { method: 'GET', headers: { host: 'vault.example.com' } }),
    ).rejects.toMatchObject(denied)
  })

  test('http - an agent whose factory goes elsewhere is ruled on again where it goes', async () => {
    scene.broker.onRequest = () => 'denied'
    const agent = new undici.Agent({ factory: () => new undici.Client('http://vault.example.com') })
    await expect(
      undici.request('http://harmless.example.com/x', { dispatcher: agent }),
    ).rejects.toMatchObject(denied)
    expect(scene.broker.requests.map(({ attempt }) => attempt.action.target)).toEqual([
      'http://vault.example.com',
    ])
    void agent.destroy()
  })

  test('http - a unix socket is its own target', async () => {
    scene.broker.onRequest = () => 'denied'
    for (const dispatcher of [
      new undici.Agent({ connect: { socketPath: '/nowhere/docker.sock' } }),
      new undici.Pool('http://localhost', { socketPath: '/nowhere/docker.sock' }),
      new undici.Client('http://localhost', { socketPath: '/nowhere/docker.sock' }),
    ]) {
      await expect(undici.request('http://localhost/containers', { dispatcher })).rejects.toMatchObject(
        denied,
      )
      expect(scene.broker.requests.at(-1)?.attempt.action.target).toBe('unix:/nowhere/docker.sock')
      void dispatcher.destroy()
    }
  })

  test('http - credentials in a URL are no part of what people are shown', async () => {
    scene.broker.onRequest = () => 'denied'
    const url = `${scene.origin.replace('//', '//ada:s3cret@')}/v1/customers/7`
    await expect(undici.request(url, { method: 'DELETE' })).rejects.toMatchObject(denied)
    await expect(fetch(url, { method: 'DELETE' })).rejects.toThrow(/credentials/)
    expect(JSON.stringify(scene.broker.requests)).not.toContain('s3cret')
  })

  test('http - a WebSocket is opened by a request', async () => {
    scene.broker.onRequest = () => 'denied'
    const socket = new WebSocket(`${scene.origin.replace('http', 'ws')}/v1/payments/feed`)
    await new Promise((resolve) => socket.addEventListener('error', resolve))
    expect(scene.broker.requests[0]?.attempt.action).toMatchObject({
      name: 'GET /v1/payments/feed',
      target: scene.origin,
    })
  })

  test('http - mapped interceptors, retries and caches do not go around', async () => {
    scene.broker.onRequest = () => 'denied'
    const { retry, dump, cache } = undici.interceptors
    const dispatcher = new undici.Agent().compose(retry({ maxRetries: 1, minTimeout: 1 }), dump(), cache())
    await expect(request('/v1/customers/7', { dispatcher })).rejects.toMatchObject(denied)
    await expect(
      request('/v1/customers/7', {
        dispatcher: new undici.RetryAgent(new undici.Agent(), { minTimeout: 1 }),
      }),
    ).rejects.toMatchObject(denied)
  })

  test('http - a handler of the program’s own, of the old kind and the new, is told', async () => {
    scene.broker.onRequest = () => 'denied'
    const agent = new undici.Agent()
    const options = { origin: scene.origin, path: '/v1/customers/7', method: 'DELETE' } as const
    const error = await new Promise((resolve) => {
      agent.dispatch(options, {
        onRequestStart() {},
        onResponseStart() {},
        onResponseData() {},
        onResponseEnd() {},
        onResponseError: (_controller: unknown, one: Error) => resolve(one),
      } as never)
    })
    expect(error).toMatchObject(denied)
    const old = await new Promise((resolve) => {
      new undici.Dispatcher1Wrapper(agent).dispatch(options, {
        onConnect() {},
        onHeaders: () => true,
        onData: () => true,
        onComplete() {},
        onError: resolve,
      } as never)
    })
    expect(old).toMatchObject(denied)
    await agent.close()
  })
})

describe('where only one place is allowed', () => {
  beforeAll(() => publish(allowList(scene.origin), 'hold'))
  afterAll(() => publish(HTTP_POLICY, 'allow'))

  test('http - that place passes, and any other is asked for', async () => {
    scene.broker.onRequest = () => 'denied'
    expect((await request('/open', { method: 'GET' })).statusCode).toBe(200)
    await expect(request('/other', { method: 'GET' })).rejects.toMatchObject(denied)
    await expect(undici.request('http://127.0.0.1:1/open')).rejects.toMatchObject(denied)
    expect(scene.received).toHaveLength(1)
  })

  test('http - what goes through a proxy is ruled on by where it goes, and the tunnel is a part of it', async () => {
    scene.broker.onRequest = () => 'denied'
    const tunnels: string[] = []
    const proxy = createServer().on('connect', ({ url = '' }, socket) => {
      tunnels.push(url)
      const [host = '', port] = url.split(':')
      const onward = net.connect(Number(port), host, () => socket.write('HTTP/1.1 200 OK\r\n\r\n'))
      onward.pipe(socket).pipe(onward)
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    const uri = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
    for (const dispatcher of [
      new undici.ProxyAgent({ uri, proxyTunnel: true }),
      new undici.EnvHttpProxyAgent({ httpProxy: uri, proxyTunnel: true, noProxy: '' }),
    ]) {
      expect((await request('/open', { method: 'GET', dispatcher })).statusCode).toBe(200)
      await expect(request('/other', { method: 'GET', dispatcher })).rejects.toMatchObject(denied)
      await dispatcher.destroy()
    }
    expect(tunnels).toEqual([new URL(scene.origin).host, new URL(scene.origin).host])
    await expect(
      undici.connect({ origin: uri, path: 'vault.example.com:443' } as never),
    ).rejects.toMatchObject(denied)
    expect(scene.broker.requests.at(-1)?.attempt.action.name).toBe('CONNECT vault.example.com:443')
    proxy.close()
  })

  test('http - a connection that the program makes by itself may go anywhere: it is asked for', async () => {
    scene.broker.onRequest = () => 'denied'
    const { port } = new URL(scene.origin)
    const connect = ((_options: unknown, callback: (...given: unknown[]) => void) => {
      const socket = net.connect(Number(port), '127.0.0.1', () => callback(null, socket))
    }) as never
    for (const dispatcher of [
      new undici.Agent({ connect }),
      new undici.Client(scene.origin, { connect }),
      new undici.Agent({ connect: { lookup: (() => {}) as never } }),
    ]) {
      await expect(request('/open', { method: 'GET', dispatcher })).rejects.toMatchObject(denied)
      expect(scene.broker.requests.at(-1)?.attempt.doubt).toContain('may go anywhere')
      void dispatcher.destroy()
    }
    expect(scene.received).toEqual([])
  })

  test('http - nothing but the configured endpoint is taken for telemetry', async () => {
    scene.broker.onRequest = () => 'denied'
    for (const [url, init] of [
      ['http://localhost:4318/v1/traces', { method: 'GET' }],
      ['http://localhost:4318/v1/traces/../../admin', { method: 'POST' }],
      ['http://localhost:4318/v1/traces?x', { method: 'POST' }],
      ['http://localhost:4318/v1/traces', { method: 'POST', headers: { host: 'vault.example.com' } }],
      ['http://127.0.0.1:4318/v1/traces', { method: 'POST' }],
    ] as const)
      await expect(undici.request(url, init as never)).rejects.toMatchObject({
        code: expect.stringMatching(/DENIED/),
      })
    await expect(undici.request('http://localhost:4318/v1/traces', { method: 'POST' })).rejects.toMatchObject(
      { code: 'ECONNREFUSED' },
    )
  })
})

describe('where policy only observes', () => {
  beforeAll(() => publish(HTTP_POLICY.replace('mode: enforce', 'mode: observe'), 'observe', 'GET /admin'))

  test('http - nothing is held, read or refused, whatever its size', async () => {
    const body = Buffer.alloc(2 * 1024 * 1024)
    const { statusCode } = await request('/v1/customers/1', { method: 'PUT', body })
    expect([statusCode, scene.received[0]?.body.length]).toEqual([200, body.length])
    expect((await fetch(`${scene.origin}/admin`)).status).toBe(200)
    expect(scene.broker.requests).toEqual([])
  })
})

import { createRequire } from 'node:module'
import { Readable } from 'node:stream'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { http } from '../../../instrumentation/http/index.ts'
import { type RecordedSpans, recordSpans } from '../../support/spans.ts'
import { type HttpScene, SOON, startHttpScene } from './scene.ts'

const undici = createRequire(import.meta.url)('undici') as typeof import('undici')
let scene: HttpScene
let spans: RecordedSpans
/** Of before the hook, as a program may have kept it. */
const kept = globalThis.fetch

beforeAll(async () => {
  spans = recordSpans()
  scene = await startHttpScene()
  http.patchGlobals?.(scene.gate)
  http.patch(undici as never, scene.gate)
})
afterAll(async () => {
  await scene?.stop()
  await spans?.stop()
})
afterEach(() => {
  scene.reset()
  spans.reset()
})

const json = { 'content-type': 'application/json' }
const customer = (id: number) => `${scene.origin}/v1/customers/${id}`

/** Every way to send a request; each gives the answer's text, or rejects. */
const CLIENTS = {
  fetch: (url: string, init: Init = {}) => fetch(url, init as never).then((one) => one.text()),
  'fetch, kept from before': (url: string, init: Init = {}) =>
    kept(url, init as never).then((one) => one.text()),
  'undici.fetch': (url: string, init: Init = {}) =>
    undici.fetch(url, init as never).then((one) => one.text()),
  'undici.request': (url: string, init: Init = {}) =>
    undici.request(url, init as never).then(({ body }) => body.text()),
  'undici.stream': async (url: string, init: Init = {}) => {
    const { Writable } = await import('node:stream')
    let text = ''
    const write = (chunk: Buffer, _: unknown, done: () => void) => {
      text += chunk
      done()
    }
    await undici.stream(url, init as never, () => new Writable({ write }) as never)
    return text
  },
  'Client.request': async (url: string, init: Init = {}) => {
    const { origin, pathname, search } = new URL(url)
    const client = new undici.Client(origin)
    const { body } = await client
      .request({ ...init, path: pathname + search, method: init.method ?? 'GET' } as never)
      .catch((error) => {
        void client.destroy()
        throw error
      })
    const text = await body.text()
    await client.close()
    return text
  },
  'Pool.request': async (url: string, init: Init = {}) => {
    const { origin, pathname, search } = new URL(url)
    const pool = new undici.Pool(origin)
    const answer = pool.request({ ...init, path: pathname + search, method: init.method ?? 'GET' } as never)
    return answer.then(({ body }) => body.text()).finally(() => void pool.destroy())
  },
  'an Agent as dispatcher': (url: string, init: Init = {}) =>
    undici.fetch(url, { ...init, dispatcher: new undici.Agent() } as never).then((one) => one.text()),
  'fetch, with a dispatcher of the package': (url: string, init: Init = {}) =>
    fetch(url, { ...init, dispatcher: new undici.Agent() } as never).then((one) => one.text()),
} satisfies Record<string, Send>

interface Init {
  method?: string
  body?: unknown
  headers?: Record<string, string>
  signal?: AbortSignal
}
type Send = (url: string, init?: Init) => Promise<string>
const clients: [string, Send][] = Object.entries(CLIENTS)

describe.each(clients)('%s', (name, send) => {
  const isWrapped = name !== 'fetch, kept from before'

  test('http - an allowed request passes untouched, and leaves no span and no request', async () => {
    const body = '{"a": 1}'
    const text = await send(`${scene.origin}/v1/models?x=1`, {
      method: 'POST',
      body,
      headers: { ...json, authorization: 'Bearer s3cret' },
    })
    expect(text).toBe('POST /v1/models?x=1')
    expect(scene.received).toMatchObject([{ body, headers: { authorization: 'Bearer s3cret' } }])
    expect(scene.broker.requests).toEqual([])
    expect(spans.all()).toEqual([])
  })

  test('http - a held request waits unsent, and is sent once as it was approved', async () => {
    const body = JSON.stringify({ name: 'Ada', tags: ['a'] })
    const answer = send(`${customer(7)}?force=1`, {
      method: 'PUT',
      body,
      headers: { ...json, authorization: 'Bearer s3cret', 'x-api-key': 'k3y', 'if-match': '"7"' },
    })
    const { attempt } = await scene.opened()
    expect(attempt.action).toMatchObject({
      kind: 'http',
      name: 'PUT /v1/customers/7',
      target: scene.origin,
      arguments: {
        method: 'PUT',
        url: `${customer(7)}?force=1`,
        headers: { 'content-type': 'application/json', 'if-match': '"7"' },
        headersDigest: expect.stringMatching(/^hmac-sha-256:[0-9a-f]{64}$/),
        body: { name: 'Ada', tags: ['a'] },
        bodyBytes: body.length,
      },
    })
    expect(JSON.stringify(attempt)).not.toMatch(/s3cret|k3y/)
    expect(attempt.doubt).toBeUndefined()
    expect(scene.received).toEqual([])
    scene.broker.decide(scene.broker.requests[0] as never, 'approved')
    expect(await answer).toBe('PUT /v1/customers/7?force=1')
    expect(scene.received).toMatchObject([
      { body, headers: { authorization: 'Bearer s3cret', 'x-api-key': 'k3y' } },
    ])
    expect(scene.broker.requests).toHaveLength(1)
    await vi.waitFor(() => expect(scene.broker.outcomes).toMatchObject([{ outcome: 'executed' }]), SOON)
    expect(spans.named('execute_tool PUT /v1/customers/7')[0]?.attributes).toMatchObject({
      'holdpoint.action.target': scene.origin,
      'holdpoint.outcome': 'executed',
    })
  })

  test('http - a denied request is never sent, and the program is told by code, id and reason', async () => {
    const answer = send(customer(8), { method: 'DELETE' })
    const refused = expect(answer).rejects.toMatchObject(
      isWrapped
        ? {
            name: 'HoldpointRefused',
            code: 'APPROVAL_DENIED',
            requestId: expect.stringMatching(/^1-/),
            message: expect.stringMatching(/DELETE \/v1\/customers\/8 was not run.*Audit first/),
          }
        : { cause: { name: 'HoldpointRefused', code: 'APPROVAL_DENIED' } },
    )
    scene.broker.decide(await scene.opened(), 'denied', 'Audit first')
    await refused
    expect(scene.received).toEqual([])
  })

  test('http - what policy denies is refused without asking anybody', async () => {
    const error = await send(`${scene.origin}/admin/users`, { method: 'POST', body: 'x' }).catch((one) => one)
    expect(error.cause ?? error).toMatchObject({
      code: 'POLICY_DENIED',
      message: expect.stringMatching(/Nobody administrates/),
    })
    expect(scene.broker.requests).toEqual([])
    expect(scene.received).toEqual([])
  })

  test('http - a caller that aborts, or has had a time limit, withdraws the request, and nothing is sent later', async () => {
    const caller = new AbortController()
    const answer = send(customer(9), { method: 'DELETE', signal: caller.signal }).catch((error) => error)
    const request = await scene.opened()
    caller.abort()
    expect((await answer).name).toMatch(/AbortError/)
    await vi.waitFor(() => expect(request.state).toBe('cancelled'), SOON)
    const limited = send(customer(9), { method: 'DELETE', signal: AbortSignal.timeout(60) }).catch(
      (error) => error,
    )
    const other = await scene.opened(2)
    expect((await limited).name).toMatch(/TimeoutError|AbortError/)
    await vi.waitFor(() => expect(other.state).toBe('cancelled'), SOON)
    expect(scene.received).toEqual([])
  })
})

describe('conditions and bodies', () => {
  const pay = (body: unknown, more: object = {}) =>
    fetch(`${scene.origin}/v1/payments`, { method: 'POST', body, headers: json, ...more } as never)

  test('http - a condition of the policy sees the body, of a stream as well', async () => {
    expect((await pay('{"amount": 20}')).status).toBe(200)
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('{"amount"'))
        controller.enqueue(new TextEncoder().encode(': 30}'))
        controller.close()
      },
    })
    expect((await pay(stream, { duplex: 'half' })).status).toBe(200)
    expect(
      (
        await undici.request(`${scene.origin}/v1/payments`, {
          method: 'POST',
          body: '{"amount": 40}',
          headers: json,
        })
      ).statusCode,
    ).toBe(200)
    expect(scene.broker.requests).toEqual([])
    expect(scene.received.map(({ body }) => JSON.parse(body).amount)).toEqual([20, 30, 40])
    scene.broker.onRequest = () => 'denied'
    await expect(pay('{"amount": 51}')).rejects.toMatchObject({ code: 'APPROVAL_DENIED' })
    // Two parsers read it differently: no condition may.
    await expect(pay('{"amount": 1, "amount": 1000}')).rejects.toMatchObject({ code: 'APPROVAL_DENIED' })
    expect(
      scene.broker.requests.map(({ attempt }) => (attempt.action.arguments as { body: unknown }).body),
    ).toEqual([{ amount: 51 }, '{"amount": 1, "amount": 1000}'])
  })

  test.each<[string, () => unknown, unknown]>([
    ['a Buffer', () => Buffer.from('hello'), 'hello'],
    ['a Readable', () => Readable.from([Buffer.from('hel'), 'lo']), 'hello'],
    ['an iterable', () => [Buffer.from('hel'), Buffer.from('lo')][Symbol.iterator](), 'hello'],
    ['bytes that are no text', () => Buffer.from([0xff, 0xfe]), undefined],
    ['nothing', () => undefined, undefined],
  ])('http - %s as body is read once, and sent as it was read', async (_what, body, shown) => {
    const given = body()
    const answer = undici.request(customer(3), { method: 'PUT', body: given } as never)
    const request = await scene.opened()
    expect((request.attempt.action.arguments as { body?: unknown }).body).toEqual(shown)
    scene.broker.decide(request, 'approved')
    await (await answer).body.dump()
    expect(scene.received[0]?.body).toBe(
      given === undefined ? '' : (shown ?? Buffer.from([0xff, 0xfe]).toString()),
    )
  })

  test('http - a form keeps its type and its boundary', async () => {
    const form = new FormData()
    form.set('name', 'Ada')
    const answer = fetch(customer(3), { method: 'PUT', body: form })
    const request = await scene.opened()
    expect((request.attempt.action.arguments as { body: string }).body).toMatch(/name="name"\r\n\r\nAda/)
    scene.broker.decide(request, 'approved')
    expect((await answer).status).toBe(200)
    const [, boundary] = /boundary=(.*)$/.exec(scene.received[0]?.headers['content-type'] ?? '') ?? []
    expect(scene.received[0]?.body).toContain(boundary)
  })

  test('http - a held body beyond a megabyte is refused with the reason, and an allowed one is not read', async () => {
    const endless = () =>
      Readable.from(
        (function* () {
          for (let at = 0; at < 40; at++) yield Buffer.alloc(64 * 1024, 97)
        })(),
      )
    for (const send of [
      () => undici.request(customer(3), { method: 'PUT', body: endless() }),
      () => fetch(customer(3), { method: 'PUT', body: endless(), duplex: 'half' } as never),
    ])
      await expect(send()).rejects.toMatchObject({
        code: 'PAYLOAD_TOO_LARGE',
        message: expect.stringMatching(/1048576 bytes/),
      })
    expect(scene.received).toEqual([])
    expect(scene.broker.requests).toEqual([])
    const { body } = await undici.request(`${scene.origin}/upload`, { method: 'PUT', body: endless() })
    await body.dump()
    expect(scene.received[0]?.body.length).toBe(40 * 64 * 1024)
  })

  test('http - what the caller changes while people decide is not sent', async () => {
    const body = Buffer.from('hello')
    const headers: Record<string, string> = { ...json, authorization: 'Bearer one' }
    const options = { method: 'PUT', path: '/v1/customers/1', body, headers }
    const pool = new undici.Pool(scene.origin)
    const answer = pool.request(options as never)
    const request = await scene.opened()
    body.fill('x')
    headers.authorization = 'Bearer two'
    options.path = '/admin'
    options.method = 'POST'
    scene.broker.decide(request, 'approved')
    await (await answer).body.dump()
    expect(scene.received).toMatchObject([
      { method: 'PUT', url: '/v1/customers/1', body: 'hello', headers: { authorization: 'Bearer one' } },
    ])
    await pool.close()
  })
})

describe('what follows from one request', () => {
  test('http - a redirect to another route is a request of its own', async () => {
    const answer = fetch(`${scene.origin}/redirect?/v1/customers/4`, { method: 'DELETE' })
    const request = await scene.opened()
    expect(request.attempt.action).toMatchObject({ name: 'DELETE /v1/customers/4', target: scene.origin })
    expect(scene.received.map(({ url }) => url)).toEqual(['/redirect?/v1/customers/4'])
    scene.broker.decide(request, 'denied')
    await expect(answer).rejects.toMatchObject({ code: 'APPROVAL_DENIED' })
    const agent = new undici.Agent().compose(undici.interceptors.redirect({ maxRedirections: 3 }))
    scene.broker.onRequest = () => 'denied'
    await expect(
      undici.request(`${scene.origin}/redirect?/v1/customers/5`, { method: 'DELETE', dispatcher: agent }),
    ).rejects.toMatchObject({ code: 'APPROVAL_DENIED' })
    expect(scene.received.map(({ url }) => url)).not.toContain('/v1/customers/5')
  })

  test('http - an approval is for one request: the next of the same kind is asked for again', async () => {
    scene.broker.onRequest = () => 'approved'
    for (const id of [1, 1, 1]) expect((await fetch(customer(id), { method: 'DELETE' })).status).toBe(200)
    expect(scene.broker.requests).toHaveLength(3)
  })

  test('http - requests of one moment are held, decided and sent independently', async () => {
    const answers = [1, 2, 3].map((id) =>
      fetch(customer(id), { method: 'DELETE' }).then(
        (one) => one.text(),
        (error) => error.code,
      ),
    )
    await scene.opened(3)
    const named = (id: number) =>
      scene.broker.requests.find(({ attempt }) => attempt.action.name.endsWith(`/${id}`)) as never
    scene.broker.decide(named(2), 'approved')
    expect(await answers[1]).toBe('DELETE /v1/customers/2')
    scene.broker.decide(named(3), 'expired')
    scene.broker.decide(named(1), 'denied')
    expect(await Promise.all(answers)).toEqual([
      'APPROVAL_DENIED',
      'DELETE /v1/customers/2',
      'APPROVAL_EXPIRED',
    ])
    expect(scene.received).toHaveLength(1)
  })

  test('http - a server that fails the approved request is told as failed', async () => {
    scene.broker.onRequest = () => 'approved'
    expect((await fetch(customer(500), { method: 'DELETE' })).status).toBe(500)
    await vi.waitFor(
      () => expect(scene.broker.outcomes).toMatchObject([{ outcome: 'failed', errorType: '500' }]),
      SOON,
    )
    await expect(undici.request('http://127.0.0.1:1/v1/customers/1', { method: 'DELETE' })).rejects.toThrow(
      'ECONNREFUSED',
    )
    await vi.waitFor(() => expect(scene.broker.outcomes).toHaveLength(2), SOON)
  })

  test('http - the program’s own dispatcher, set for all later, is gated as well', async () => {
    const before = undici.getGlobalDispatcher()
    undici.setGlobalDispatcher(new undici.Agent({ pipelining: 0 }))
    scene.broker.onRequest = () => 'denied'
    await expect(fetch(customer(1), { method: 'DELETE' })).rejects.toMatchObject({ code: 'APPROVAL_DENIED' })
    await expect(undici.request(customer(1), { method: 'DELETE' })).rejects.toMatchObject({
      code: 'APPROVAL_DENIED',
    })
    undici.setGlobalDispatcher(before)
    const symbol = Symbol.for('undici.globalDispatcher.1')
    const globals = globalThis as unknown as Record<symbol, unknown>
    const kept = globals[symbol]
    globals[symbol] = new undici.Pool(scene.origin)
    await expect(fetch(customer(1), { method: 'DELETE' })).rejects.toMatchObject({ code: 'APPROVAL_DENIED' })
    globals[symbol] = kept
    expect(scene.received).toEqual([])
  })
})

import { createRequire } from 'node:module'
import { Readable } from 'node:stream'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { http } from '../../../instrumentation/http/index.ts'
import { type RecordedSpans, recordSpans } from '../../support/spans.ts'
import { type HttpScene, SOON, startHttpScene } from './scene.ts'

const undici = createRequire(import.meta.url)('undici') as typeof import('undici')
let scene: HttpScene
let spans: RecordedSpans

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

import http from 'node:http'
import net from 'node:net'
import { pipeline, Readable } from 'node:stream'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { http as instrumentation } from '../../../instrumentation/http/index.ts'
import { type RecordedSpans, recordSpans } from '../../support/spans.ts'
import { type HttpScene, SOON, startHttpScene } from './scene.ts'

let scene: HttpScene
let spans: RecordedSpans
const { request: kept } = http

beforeAll(async () => {
  spans = recordSpans()
  scene = await startHttpScene()
  instrumentation.patch(http as never, scene.gate)
})
afterAll(async () => {
  await scene?.stop()
  await spans?.stop()
})
afterEach(() => {
  scene.reset()
  spans.reset()
})

/** The answer's text, or the error that the request emits. */
function answerOf(request: http.ClientRequest): Promise<string> {
  return new Promise((resolve, reject) => {
    request.on('error', reject)
    request.on('response', (response) => {
      let text = ''
      response.on('data', (chunk) => {
        text += chunk
      })
      response.on('end', () => resolve(text))
    })
  })
}

interface Init extends http.RequestOptions {
  body?: string
}
const CLIENTS = {
  'http.request': (url: string, { body, ...init }: Init = {}) => http.request(url, init).end(body),
  'http.request, kept from before': (url: string, { body, ...init }: Init = {}) => kept(url, init).end(body),
  'new http.ClientRequest': (url: string, { body, ...init }: Init = {}) =>
    new http.ClientRequest(url, init as never).end(body),
  'an agent of its own': (url: string, { body, ...init }: Init = {}) =>
    http.request(url, { ...init, agent: new http.Agent({ keepAlive: true, maxSockets: 1 }) }).end(body),
  'no agent': (url: string, { body, ...init }: Init = {}) =>
    http.request(url, { ...init, agent: false }).end(body),
  'a connection of its own': (url: string, { body, ...init }: Init = {}) =>
    http.request(url, { ...init, createConnection: (options) => net.connect(options as never) }).end(body),
  'headers as a list': (url: string, { body, headers = {}, ...init }: Init = {}) =>
    http
      .request(url, {
        ...init,
        headers: [
          ...Object.entries({ host: new URL(url).host, ...headers, connection: 'close' }).flat(),
          'content-length',
          String(body?.length ?? 0),
        ] as never,
      })
      .end(body),
}
const clients = Object.entries(CLIENTS)
const customer = (id: number) => `${scene.origin}/v1/customers/${id}`
const json = { 'content-type': 'application/json' }

describe.each(clients)('%s', (name, send) => {
  test('http - an allowed request passes untouched, and leaves no span and no request', async () => {
    const headers = { ...json, authorization: 'Bearer s3cret' }
    expect(
      await answerOf(send(`${scene.origin}/v1/models?x=1`, { method: 'POST', body: '{"a": 1}', headers })),
    ).toBe('POST /v1/models?x=1')
    expect(scene.received).toMatchObject([{ body: '{"a": 1}', headers: { authorization: 'Bearer s3cret' } }])
    expect(scene.broker.requests).toEqual([])
    expect(spans.all()).toEqual([])
  })

  test('http - a held request has no connection, and is sent once as it was approved', async () => {
    const connected = vi.fn()
    scene.server.on('connection', connected)
    const headers = { ...json, authorization: 'Bearer s3cret' }
    const answer = answerOf(
      send(`${customer(7)}?force=1`, { method: 'PUT', body: '{"name":"Ada"}', headers, timeout: 20 }),
    )
    const request = await scene.opened()
    expect(request.attempt.action).toMatchObject({
      kind: 'http',
      name: 'PUT /v1/customers/7',
      target: scene.origin,
      arguments: {
        method: 'PUT',
        url: `${customer(7)}?force=1`,
        headers: { 'content-type': 'application/json' },
        headersDigest: expect.stringMatching(/^hmac-sha-256:/),
        body: { name: 'Ada' },
      },
    })
    expect(JSON.stringify(request.attempt)).not.toContain('s3cret')
    if (name !== 'a connection of its own') expect(connected).not.toHaveBeenCalled()
    scene.broker.decide(request, 'approved')
    expect(await answer).toBe('PUT /v1/customers/7?force=1')
    scene.server.off('connection', connected)
    expect(scene.received).toMatchObject([
      { body: '{"name":"Ada"}', headers: { authorization: 'Bearer s3cret' } },
    ])
    await vi.waitFor(() => expect(scene.broker.outcomes).toMatchObject([{ outcome: 'executed' }]), SOON)
    expect(scene.broker.requests).toHaveLength(1)
    expect(spans.named('execute_tool PUT /v1/customers/7')[0]?.attributes).toMatchObject({
      'holdpoint.outcome': 'executed',
    })
  })

  test('http - a denied request is never sent: it emits an error with code, id and reason, and closes', async () => {
    const request = send(customer(8), { method: 'DELETE' })
    const closed = vi.fn()
    request.on('close', closed)
    const refused = expect(answerOf(request)).rejects.toMatchObject({
      name: 'HoldpointRefused',
      code: 'APPROVAL_DENIED',
      requestId: expect.stringMatching(/^1-/),
      message: expect.stringMatching(/Audit first/),
    })
    scene.broker.decide(await scene.opened(), 'denied', 'Audit first')
    await refused
    await vi.waitFor(() => expect(closed).toHaveBeenCalledTimes(1), SOON)
    await expect(answerOf(send(`${scene.origin}/admin/x`))).rejects.toMatchObject({ code: 'POLICY_DENIED' })
    expect(scene.received).toEqual([])
  })

  test('http - an abort, or destroy, withdraws the request, and nothing is sent later', async () => {
    const caller = new AbortController()
    const answer = answerOf(send(customer(9), { method: 'DELETE', signal: caller.signal }))
    const request = await scene.opened()
    caller.abort()
    await expect(answer).rejects.toMatchObject({ name: 'AbortError' })
    const other = send(customer(9), { method: 'DELETE' })
    const ended = answerOf(other)
    const second = await scene.opened(2)
    other.destroy(new Error('enough'))
    await expect(ended).rejects.toThrow('enough')
    await vi.waitFor(() => expect([request.state, second.state]).toEqual(['cancelled', 'cancelled']), SOON)
    expect(scene.received).toEqual([])
  })
})

describe('writing', () => {
  test('http - what is written piece by piece is one body, also from a pipe, and in any encoding', async () => {
    const request = http.request(customer(1), { method: 'PUT' })
    const answer = answerOf(request)
    request.write('c3', 'hex')
    request.write(Buffer.from('a4'), () => request.end('!'))
    const held = await scene.opened()
    expect(held.attempt.action.arguments).toMatchObject({ bodyBytes: 4 })
    scene.broker.decide(held, 'approved')
    await answer
    const piped = http.request(customer(1), { method: 'PUT' })
    const second = answerOf(piped)
    const chunks = Array.from({ length: 12 }, () => Buffer.alloc(64 * 1024, 97))
    pipeline(Readable.from(chunks), piped, () => {})
    scene.broker.decide(await scene.opened(2), 'approved')
    await second
    expect(scene.received.map(({ body }) => body.length)).toEqual([4, 12 * 64 * 1024])
  })

  test('http - a held body beyond a megabyte is refused with the reason', async () => {
    const request = http.request(customer(1), { method: 'PUT' })
    const answer = answerOf(request)
    pipeline(Readable.from(Array.from({ length: 20 }, () => Buffer.alloc(64 * 1024))), request, () => {})
    await expect(answer).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE' })
    expect(scene.broker.requests).toEqual([])
  })

  test('http - what the program changes while people decide is not sent', async () => {
    const body = Buffer.from('hello')
    const request = http.request(customer(1), { method: 'PUT', headers: { 'if-match': '"1"' } })
    const answer = answerOf(request)
    request.end(body)
    const held = await scene.opened()
    body.fill('x')
    request.path = '/admin'
    request.method = 'DELETE'
    expect(() => request.setHeader('if-match', '*')).toThrow(/headers/i)
    scene.broker.decide(held, 'approved')
    await answer
    expect(scene.received).toMatchObject([
      { method: 'PUT', url: '/v1/customers/1', body: 'hello', headers: { 'if-match': '"1"' } },
    ])
  })

  test('http - a condition of the policy sees the body', async () => {
    const pay = (amount: number) => {
      const request = http.request(`${scene.origin}/v1/payments`, { method: 'POST', headers: json })
      return answerOf(request.end(JSON.stringify({ amount })))
    }
    expect(await pay(20)).toBe('POST /v1/payments')
    expect(scene.broker.requests).toEqual([])
    scene.broker.onRequest = () => 'denied'
    await expect(pay(51)).rejects.toMatchObject({ code: 'APPROVAL_DENIED' })
  })

  test('http - with Expect: 100-continue nobody could be shown the body: it is refused', async () => {
    const request = http.request(customer(1), { method: 'PUT', headers: { expect: '100-continue' } })
    await expect(answerOf(request)).rejects.toMatchObject({ code: 'APPROVAL_IMPOSSIBLE' })
    const allowed = http.request(`${scene.origin}/v1/models`, {
      method: 'PUT',
      headers: { expect: '100-continue' },
    })
    allowed.on('continue', () => allowed.end('x'))
    expect(await answerOf(allowed)).toBe('PUT /v1/models')
  })

  test('http - an answer that nobody listens to does not keep the connection', async () => {
    scene.broker.onRequest = () => 'approved'
    const closed = Promise.withResolvers<void>()
    http.request(customer(1), { method: 'DELETE' }).on('close', closed.resolve).end()
    await closed.promise
    await vi.waitFor(() => expect(scene.broker.outcomes).toMatchObject([{ outcome: 'executed' }]), SOON)
  })
})

import { createRequire } from 'node:module'
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

import { request as httpRequest } from 'node:http'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { createResource, type Release, type Resource } from '#gate'
import { verifyRequest } from '../../../instrumentation/resource/guard.ts'
import { attempt, configFor, type Scene, startScene } from '../../support/gate-scene.ts'
import { type Handle, RESOURCE_SERVERS, type ResourceServer } from './servers.ts'

let scene: Scene
let resource: Resource
const servers: Record<string, ResourceServer> = {}
let handle: Handle = () => 200
const handled: { arguments: unknown; body: unknown }[] = []

beforeAll(async () => {
  scene = await startScene({ resources: ['billing'] })
  scene.broker.onRequest = () => 'approved'
  resource = createResource(
    { ...configFor(scene.broker, scene.nats.url), agentId: 'billing' },
    { now: Date.now },
  )
  await resource.start()
  const run: Handle = (release, body) => {
    handled.push({ arguments: release.action.arguments, body })
    return handle(release, body)
  }
  for (const name of ['hono', 'express', 'fastify'] as const)
    servers[name] = await RESOURCE_SERVERS[name](resource, run)
})
afterAll(async () => {
  for (const server of Object.values(servers)) await server.stop()
  await resource.stop()
  await scene.stop()
})
afterEach(() => {
  handle = () => 200
  handled.length = 0
  scene.broker.outcomes.length = 0
  scene.broker.intercept = (_call, honest) => honest
})

const ARGUMENTS = { amount: 250, to: 'DE02' }

async function proof(): Promise<string> {
  const held = await scene.gate.hold(
    attempt({
      kind: 'tool',
      name: 'payout',
      target: 'accounts/eu',
      arguments: ARGUMENTS,
      resource: 'billing',
    }),
    (_approved, shown) => shown ?? '',
  )
  if (!held.ran) throw new Error(held.refusal.message)
  return held.value
}

interface Sent {
  account?: string
  body?: string
  headers?: Record<string, string>
}

const post = (name: string, warrant: string | undefined, sent: Sent = {}): Promise<Response> =>
  fetch(`${servers[name]?.url}/accounts/${sent.account ?? 'eu'}/payouts`, {
    method: 'POST',
    body: sent.body ?? JSON.stringify(ARGUMENTS),
    headers: {
      'content-type': 'application/json',
      ...(warrant === undefined ? {} : { 'Holdpoint-Warrant': warrant }),
      ...sent.headers,
    },
  })

async function problemOf(response: Response) {
  expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/)
  expect(response.headers.get('cache-control')).toBe('no-store')
  const problem = (await response.json()) as { status: number; code: string; resource: string }
  expect(problem.status).toBe(response.status)
  expect(handled).toEqual([])
  return problem
}

/** Of the newest request: those of earlier ones may still be on their way. */
const outcome = () =>
  vi.waitFor(() => {
    const { requestId } = scene.broker.requests.at(-1) ?? {}
    const [said, ...more] = scene.broker.outcomes.filter((one) => one.requestId === requestId)
    expect(more).toEqual([])
    return said ?? Promise.reject(new Error('not yet'))
  })

describe.each(['hono', 'express', 'fastify'])('%s', (name) => {
  test(`${name} - what was approved reaches the handler, once, and is executed`, async () => {
    const warrant = await proof()
    const response = await post(name, warrant)
    expect(response.status).toBe(200)
    expect(handled).toEqual([{ arguments: ARGUMENTS, body: ARGUMENTS }])
    expect(await outcome()).toMatchObject({ outcome: 'executed' })
    handled.length = 0
    expect(await problemOf(await post(name, warrant))).toMatchObject({ status: 403, code: 'ALREADY_SPENT' })
  })

  test(`${name} - without a warrant it says what is missing, and where to ask`, async () => {
    expect(await problemOf(await post(name, undefined))).toMatchObject({
      status: 403,
      code: 'WARRANT_REQUIRED',
      resource: 'billing',
    })
  })

  test.each<[string, Sent, number, string]>([
    ['another body', { body: '{"amount":2500,"to":"DE02"}' }, 403, 'WARRANT_MISMATCH'],
    ['another path', { account: 'us' }, 403, 'WARRANT_MISMATCH'],
    ['a key twice', { body: '{"amount":1,"amount":250,"to":"DE02"}' }, 400, 'INVALID_INPUT'],
    [
      'a key twice and once with an escape',
      { body: '{"amount":1,"\\u0061mount":250,"to":"DE02"}' },
      400,
      'INVALID_INPUT',
    ],
    ['an integer beyond 2^53', { body: '{"amount":9007199254740993,"to":"DE02"}' }, 400, 'INVALID_INPUT'],
  ])(`${name} - a request with %s never reaches the handler`, async (_what, sent, status, code) => {
    expect(await problemOf(await post(name, await proof(), sent))).toMatchObject({ status, code })
  })

  test.each<[string, Sent]>([
    ['without a body', { body: '' }],
    ['with half a body', { body: '{"amount":' }],
    ['with a body of more than 1 MB', { body: JSON.stringify({ to: 'x'.repeat(1_200_000) }) }],
    ['with another media type', { headers: { 'content-type': 'text/html' }, body: 'amount=250' }],
  ])(`${name} - a request %s never reaches the handler`, async (_what, sent) => {
    const response = await post(name, await proof(), sent)
    expect([400, 403, 413, 415]).toContain(response.status)
    expect(handled).toEqual([])
  })

  test(`${name} - two warrants are none`, async () => {
    const [one, other] = [await proof(), await proof()]
    const { hostname, port, pathname } = new URL(`${servers[name]?.url}/accounts/eu/payouts`)
    const answered = await new Promise<number | undefined>((resolve, reject) => {
      const headers = { 'content-type': 'application/json', 'Holdpoint-Warrant': [one, other] }
      httpRequest({ hostname, port, path: pathname, method: 'POST', headers }, (response) => {
        response.resume()
        resolve(response.statusCode)
      })
        .on('error', reject)
        .end(JSON.stringify(ARGUMENTS))
    })
    expect(answered).toBe(400)
    expect(handled).toEqual([])
  })

  test(`${name} - a broker that has no time is 503, and says when to come again`, async () => {
    const warrant = await proof()
    scene.broker.intercept = ({ name: call }, honest) =>
      call === 'consume' ? { error: { code: 'LEDGER_UNAVAILABLE', message: 'later' } } : honest
    const response = await post(name, warrant)
    expect(response.headers.get('retry-after')).toBe('5')
    expect(await problemOf(response)).toMatchObject({ status: 503, code: 'LEDGER_UNAVAILABLE' })
  })

  test.each([409, 500])(`${name} - a handler that answers %i has failed`, async (status) => {
    handle = () => status
    expect((await post(name, await proof())).status).toBe(status)
    expect(await outcome()).toMatchObject({ outcome: 'failed', errorType: String(status) })
  })

  test(`${name} - a handler that throws has failed, and its error is the framework’s to handle`, async () => {
    handle = () => Promise.reject(new RangeError('no funds'))
    expect((await post(name, await proof())).status).toBe(500)
    expect(await outcome()).toMatchObject({ outcome: 'failed' })
  })

  test(`${name} - what the handler says itself stands, whatever it answers`, async () => {
    handle = (release: Release) => {
      release.done('failed', 'declined')
      return 200
    }
    await post(name, await proof())
    expect(await outcome()).toMatchObject({ outcome: 'failed', errorType: 'declined' })
  })

  test(`${name} - a handler that goes on after its caller has gone says what became of it`, async () => {
    const caller = new AbortController()
    let isGone = () => {}
    const gone = new Promise<void>((resolve) => {
      isGone = resolve
    })
    handle = async () => {
      caller.abort()
      await gone
      return 200
    }
    const warrant = await proof()
    const sent = fetch(`${servers[name]?.url}/accounts/eu/payouts`, {
      method: 'POST',
      body: JSON.stringify(ARGUMENTS),
      headers: { 'content-type': 'application/json', 'Holdpoint-Warrant': warrant },
      signal: caller.signal,
    })
    await expect(sent).rejects.toThrow()
    isGone()
    expect(await outcome()).toMatchObject({ outcome: 'executed' })
  })
})

test('resource - what nobody waits for any more is not begun, and the ledger hears so', async () => {
  const warrant = await proof()
  const answer = await verifyRequest(
    { request: {}, header: warrant, readBody: async () => {}, isGone: () => true },
    {
      resource,
      action: () => ({ kind: 'tool', name: 'payout', target: 'accounts/eu', arguments: ARGUMENTS }),
    },
  )
  expect(answer).toMatchObject({ problem: { status: 403 } })
  expect(await outcome()).toMatchObject({ outcome: 'failed', errorType: 'not_run' })
})

test('express - what says that it is compressed is refused, and leaves the connection as it should be', async () => {
  const refused = await post('express', await proof(), { headers: { 'content-encoding': 'gzip' } })
  expect(await problemOf(refused)).toMatchObject({ status: 400, code: 'INVALID_INPUT' })
  expect((await post('express', await proof())).status).toBe(200)
})

test('express - what a parser has read before the guard is taken as it is, and is what the handler sees', async () => {
  const server = await RESOURCE_SERVERS.expressParsed(resource, (release, body) => {
    handled.push({ arguments: release.action.arguments, body })
    return 200
  })
  servers.parsed = server
  expect((await post('parsed', await proof(), { body: '{"amount":2500,"to":"DE02"}' })).status).toBe(403)
  expect(handled).toEqual([])
  expect((await post('parsed', await proof())).status).toBe(200)
  expect(handled).toEqual([{ arguments: ARGUMENTS, body: ARGUMENTS }])
})

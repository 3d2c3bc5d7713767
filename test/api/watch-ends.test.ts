import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { HoldpointError, type RequestSummary } from '#contract'
import { createHttpServer } from '#runtime'
import { holdAction } from '../support/held.ts'
import { tokenOf } from '../support/token.ts'
import { nextOf, openEvents, type Reader, readerOf } from './event-reader.ts'
import { apiOf, refusal, type Scene, startScene } from './scene.ts'

let scene: Scene
beforeAll(async () => {
  scene = await startScene({ maxStreams: 3, maxStreamsPerToken: 2 })
})
afterAll(() => scene.house.stop())

const open: Reader[] = []
afterEach(async () => {
  for (const reader of open.splice(0)) await reader.close()
})
const watch = async (
  ...options: Parameters<typeof openEvents> extends [unknown, ...infer Rest] ? Rest : never
) => {
  const reader = await openEvents(scene, ...options)
  open.push(reader)
  return reader
}

test('api - a stream ends when the broker does not accept its token any more, or cannot say', async () => {
  let refused: Error | undefined
  const desk = {
    ...scene.house.desk,
    list: (token: string) => (refused ? Promise.reject(refused) : scene.house.desk.list(token)),
  }
  for (const code of ['UNAUTHENTICATED', 'BROKER_UNAVAILABLE'] as const) {
    refused = undefined
    const { api, fire, timers } = apiOf(scene.house, {}, desk)
    const reader = readerOf(
      await api.request('/v1/events', { headers: { authorization: `Bearer ${scene.house.token('bob')}` } }),
    )
    await reader.next()
    fire(60_000)
    fire(15_000)
    expect(await reader.next()).toEqual({ comment: 'still here' })
    refused = new HoldpointError(code)
    fire(60_000)
    expect(await reader.next()).toMatchObject({ event: 'end', data: { code } })
    expect(await reader.next()).toBeUndefined()
    expect(timers()).toBe(0)
  }
})

test('api - streams are bounded by token and in all, and a closed one makes room', async () => {
  const first = await watch()
  await watch()
  const second = await scene.get('/v1/events', 'bob')
  expect(second.headers.get('retry-after')).toBe('10')
  expect(await refusal(second)).toEqual([429, 'TOO_MANY'])
  await watch('', { token: scene.house.token('carol') })
  expect(await refusal(await scene.get('/v1/events', 'alice'))).toEqual([429, 'TOO_MANY'])
  // Whoever is refused takes no place.
  await first.close()
  expect(await refusal(await scene.get('/v1/events', undefined, { authorization: 'Bearer x' }))).toEqual([
    401,
    'UNAUTHENTICATED',
  ])
  await watch()
  expect(await (await scene.get('/metrics')).text()).toContain('\nholdpoint_api_streams 3\n')
})

test('api - whoever waits with a token that nobody has believed yet takes no place', async () => {
  const answers: PromiseWithResolvers<never>[] = []
  const list: typeof scene.house.desk.list = (token, query) => {
    if (token !== 'made-up') return scene.house.desk.list(token, query)
    const answer = Promise.withResolvers<never>()
    answers.push(answer)
    return answer.promise
  }
  const { api } = apiOf(scene.house, { maxStreams: 2 }, { ...scene.house.desk, list })
  const openAs = (token: string) =>
    Promise.resolve(api.request('/v1/events', { headers: { authorization: `Bearer ${token}` } }))
  const made = [openAs('made-up'), openAs('made-up'), openAs('made-up')]
  await expect.poll(() => answers.length).toBe(3)
  const bob = await openAs(scene.house.token('bob'))
  expect(bob.status).toBe(200)
  for (const { reject } of answers) reject(new HoldpointError('UNAUTHENTICATED'))
  for (const one of made) expect((await one).status).toBe(401)
  await bob.body?.cancel()
})

test('api - a reader that does not read is cut off, and holds nothing any more', async () => {
  const large = { ...scene.house.desk }
  let tell: (name: 'opened', request: RequestSummary) => void = () => {}
  let isWatching = true
  large.watch = (onEvent) => {
    tell = onEvent
    return () => {
      isWatching = false
    }
  }
  const { api, timers } = apiOf(scene.house, {}, large)
  const response = await api.request('/v1/events', {
    headers: { authorization: `Bearer ${scene.house.token('bob')}` },
  })
  const request = { requestId: '1-x', target: 'x'.repeat(100_000), reviews: [] } as unknown as RequestSummary
  for (let count = 0; count < 10; count++) tell('opened', request)
  expect(isWatching).toBe(true)
  for (let count = 0; count < 10; count++) tell('opened', request)
  expect([isWatching, timers()]).toEqual([false, 0])
  await expect(new Response(response.body).text()).rejects.toThrow('too slow')
})

test('api - a reader that leaves before its stream begins leaves nothing behind', async () => {
  const { desk } = scene.house
  const leaving = new AbortController()
  const asked = Promise.withResolvers<void>()
  const left = Promise.withResolvers<void>()
  const slow: typeof desk = {
    ...desk,
    async list(token, query) {
      asked.resolve()
      await left.promise
      return desk.list(token, query)
    },
  }
  const { api, timers } = apiOf(scene.house, {}, slow)
  const server = createHttpServer(
    { name: 'api', host: '127.0.0.1', port: 0 },
    { fetch: api.fetch, log: scene.house.log },
  )
  await server.start()
  try {
    const headers = { authorization: `Bearer ${scene.house.token('bob')}` }
    const response = fetch(`${server.url()}/v1/events`, { headers, signal: leaving.signal })
    await asked.promise
    leaving.abort()
    await expect(response).rejects.toThrow('aborted')
    left.resolve()
    const metrics = async () => (await api.request('/metrics')).text()
    await expect.poll(metrics).toContain('http_route="/v1/events"')
    await expect.poll(metrics).toContain('\nholdpoint_api_streams 0\n')
    expect(timers()).toBe(0)
  } finally {
    await server.stop()
  }
})

// Last, for its leaps of the clock end what the others wait for.
const expiring = (): Promise<string> =>
  tokenOf(
    scene.house.home,
    { sub: 'bob', exp: Math.floor(scene.house.clock.now() / 1000) + 60 },
    scene.house.clock.now(),
  )

test('api - a stream ends with its token: neither a heartbeat nor an event comes after it', async () => {
  const [one, other] = [await watch('', { token: await expiring() }), await watch()]
  await one.next()
  await other.next()
  scene.house.clock.advance(61_000)
  const { requestId } = await holdAction(scene.agent)
  const end = await one.next()
  expect(end).toMatchObject({ event: 'end', data: { status: 401, code: 'UNAUTHENTICATED' } })
  expect(JSON.stringify(end)).not.toContain(requestId)
  expect(await one.next()).toBeUndefined()
  expect(await nextOf(other, 'opened')).toMatchObject({ requestId })

  const quiet = await watch('', { token: await expiring() })
  await quiet.next()
  scene.house.clock.advance(61_000)
  scene.fire(15_000)
  expect(await nextOf(quiet, 'end')).toMatchObject({ code: 'UNAUTHENTICATED' })
  expect(await quiet.next()).toBeUndefined()
})

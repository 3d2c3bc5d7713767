import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { HoldpointError, type RequestSummary } from '#contract'
import { createHttpServer, type HttpServer } from '#runtime'
import { holdAction, reviewAs } from '../support/held.ts'
import { attemptOf } from '../support/house.ts'
import { tokenOf } from '../support/token.ts'
import { apiOf, refusal, type Scene, startScene } from './scene.ts'

let scene: Scene
beforeAll(async () => {
  scene = await startScene({ maxStreams: 3, maxStreamsPerToken: 2 })
})
afterAll(() => scene.house.stop())

interface Message {
  event?: string
  id?: string
  data?: unknown
  comment?: string
}
const open: Reader[] = []
afterEach(async () => {
  for (const reader of open.splice(0)) await reader.close()
})
type Reader = ReturnType<typeof readerOf>

/** Reads as a browser does; `next` waits for what has not come yet. */
function readerOf(response: Response) {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader()
  const decoder = new TextDecoder()
  let text = ''
  return {
    response,
    async next(): Promise<Message | undefined> {
      while (!text.includes('\n\n')) {
        const { done, value } = await reader.read()
        if (done) return undefined
        text += decoder.decode(value, { stream: true })
      }
      const [block = '', ...rest] = text.split('\n\n')
      text = rest.join('\n\n')
      const message: Message = {}
      for (const line of block.split('\n')) {
        const [, name = '', value = ''] = /^(\w*): (.*)$/s.exec(line) ?? []
        if (name === '') message.comment = value
        else if (name === 'data') message.data = JSON.parse(value)
        else message[name as 'event' | 'id'] = value
      }
      return message
    },
    close: () => reader.cancel(),
  }
}

/** The next request that opens. After a leap of the clock, abandoned ones end in between. */
async function openedAt(reader: Reader): Promise<unknown> {
  for (;;) {
    const { event, data } = (await reader.next()) ?? {}
    if (event === 'opened') return data
    expect(event).toBe('decided')
  }
}

async function watch(
  query = '',
  options: { token?: string; headers?: Record<string, string> } = {},
): Promise<Reader> {
  const { token = scene.house.token('bob'), headers = {} } = options
  const response = await scene.api.request(`/v1/events${query}`, {
    headers: { authorization: `Bearer ${token}`, ...headers },
  })
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream'])
  const reader = readerOf(response)
  open.push(reader)
  return reader
}

test('api - a stream begins with what waits, and tells of every step of a request', async () => {
  const waiting = await holdAction(scene.agent)
  const reader = await watch()
  const requests = expect.arrayContaining([expect.objectContaining({ requestId: waiting.requestId })])
  expect(await reader.next()).toMatchObject({
    event: 'snapshot',
    id: expect.stringMatching(/^snapshot\.\d+$/),
    data: { requests },
  })

  const { requestId } = await holdAction(scene.agent)
  expect(await reader.next()).toMatchObject({
    event: 'opened',
    id: `opened.${requestId}`,
    data: { requestId, state: 'pending' },
  })
  await reviewAs(scene.house, 'carol', requestId)
  expect(await reader.next()).toMatchObject({
    event: 'reviewed',
    id: `reviewed.${requestId}.1`,
    data: { requestId },
  })
  const reviews = [{ sub: 'carol', verdict: 'approve' }]
  expect(await reader.next()).toMatchObject({
    event: 'decided',
    data: { requestId, state: 'approved', reviews },
  })
})

test('api - a stream of one request tells of no other, and of none that is not there', async () => {
  const { requestId } = await holdAction(scene.agent)
  const reader = await watch(`?request=${requestId}`)
  expect(await reader.next()).toMatchObject({
    event: 'snapshot',
    data: { total: 1, requests: [{ requestId }] },
  })
  await holdAction(scene.agent)
  await reviewAs(scene.house, 'carol', requestId, 'deny')
  expect(await reader.next()).toMatchObject({ event: 'reviewed', data: { requestId } })
  expect(await refusal(await scene.get('/v1/events?request=1-nothing', 'bob'))).toEqual([
    404,
    'UNKNOWN_REQUEST',
  ])
  expect(await refusal(await scene.get('/v1/events?requset=1-nothing', 'bob'))).toEqual([
    400,
    'INVALID_INPUT',
  ])
})

test('api - whoever comes back is told how things stand', async () => {
  const { requestId } = await holdAction(scene.agent)
  const reader = await watch('', { headers: { 'last-event-id': `opened.${requestId}` } })
  expect(await reader.next()).toMatchObject({ event: 'snapshot' })
})

test('api - a heartbeat comes while nothing happens', async () => {
  const reader = await watch()
  await reader.next()
  scene.fire(15_000)
  expect(await reader.next()).toEqual({ comment: 'still here' })
})

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
  expect(await openedAt(other)).toMatchObject({ requestId })

  const quiet = await watch('', { token: await expiring() })
  await quiet.next()
  scene.house.clock.advance(61_000)
  scene.fire(15_000)
  expect(await quiet.next()).toMatchObject({ event: 'end', data: { code: 'UNAUTHENTICATED' } })
  expect(await quiet.next()).toBeUndefined()
})

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

test('api - what happens while the snapshot is made comes after it', async () => {
  const { desk } = scene.house
  const between = {
    ...desk,
    async list(token: string) {
      const page = await desk.list(token, { limit: 1 })
      await holdAction(scene.agent, attemptOf({ name: 'in_between' }))
      return page
    },
  }
  const { api } = apiOf(scene.house, {}, between)
  const reader = readerOf(
    await api.request('/v1/events', { headers: { authorization: `Bearer ${scene.house.token('bob')}` } }),
  )
  expect(await reader.next()).toMatchObject({ event: 'snapshot' })
  expect(await openedAt(reader)).toMatchObject({ name: 'in_between' })
  await reader.close()
})

async function served(work: (server: HttpServer) => Promise<void>): Promise<void> {
  const server = createHttpServer(
    { name: 'api', host: '127.0.0.1', port: 0 },
    { fetch: scene.api.fetch, log: scene.house.log },
  )
  await server.start()
  try {
    await work(server)
  } finally {
    await server.stop()
  }
}

test('api - over a real connection events come at once, and a reader that leaves is let go', async () => {
  await served(async (server) => {
    const leaving = new AbortController()
    const response = await fetch(`${server.url()}/v1/events`, {
      headers: { authorization: `Bearer ${scene.house.token('bob')}` },
      signal: leaving.signal,
    })
    const reader = readerOf(response)
    expect(await reader.next()).toMatchObject({ event: 'snapshot' })
    const { requestId } = await holdAction(scene.agent)
    expect(await reader.next()).toMatchObject({ event: 'opened', data: { requestId } })
    expect(scene.timers()).toBe(2)
    leaving.abort()
    await expect.poll(() => scene.timers()).toBe(0)
  })
})

test('api - a server that stops ends its streams', async () => {
  await served(async (server) => {
    const response = await fetch(`${server.url()}/v1/events`, {
      headers: { authorization: `Bearer ${scene.house.token('bob')}` },
    })
    const reader = readerOf(response)
    await reader.next()
    await server.stop()
    await expect(reader.next()).rejects.toThrow()
    await expect.poll(() => scene.timers()).toBe(0)
  })
})

import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createHttpServer, type HttpServer } from '#runtime'
import { holdAction, reviewAs } from '../support/held.ts'
import { attemptOf } from '../support/house.ts'
import { validatorOf } from './documented.ts'
import { nextOf, openEvents, type Reader, readerOf } from './event-reader.ts'
import { apiOf, refusal, type Scene, startScene } from './scene.ts'

let scene: Scene
beforeAll(async () => {
  scene = await startScene()
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

test('api - alarms are on the stream of all, and not on that of one request', async () => {
  const { requestId } = await holdAction(scene.agent)
  const [all, one] = [await watch(), await watch(`?request=${requestId}`)]
  for (const reader of [all, one]) await reader.next()
  await scene.house.agent('alarming-agent')
  const token = scene.house.token('bob')
  await scene.house.desk.freeze({ token, agentId: 'alarming-agent', frozen: true, channel: 'api' })
  const { data, ...rest } = (await all.next()) as { data: unknown }
  expect(rest).toEqual({ event: 'alarm', id: 'alarm.frozen.alarming-agent.1' })
  expect(data).toMatchObject({ kind: 'frozen', agentId: 'alarming-agent', by: { sub: 'bob' } })
  const validate = validatorOf('Alarm')
  expect([validate(data), validate({ ...(data as object), text: 1 })]).toEqual([true, false])
  await reviewAs(scene.house, 'carol', requestId, 'deny')
  expect(await one.next()).toMatchObject({ event: 'reviewed', data: { requestId } })
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
  expect(await nextOf(reader, 'opened')).toMatchObject({ name: 'in_between' })
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
    expect(await nextOf(reader, 'opened')).toMatchObject({ requestId })
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

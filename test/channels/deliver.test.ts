import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { cardModel, WHOLE_CARD } from '#contract'
import { claimOf, consumeOf, eventually, holdAction, newNonce, reviewAs } from '../support/held.ts'
import { status } from './receiver.ts'
import { endpointOf, messagesOf, type Scene, SECRET, startScene } from './scene.ts'

let scene: Scene
beforeAll(async () => {
  scene = await startScene()
})
afterAll(() => scene?.stop())
beforeEach(() => {
  scene.receiver.received.length = 0
  scene.receiver.answer = status(204)
})

const received = (count: number) =>
  eventually(
    async () => scene.receiver.received,
    (all) => all.length >= count,
  )

test('webhook - a request is told of when it opens, is decided and ends, signed each time', async () => {
  const { house, agent, receiver } = scene
  const served = await scene.serve({ endpoints: [endpointOf({ url: receiver.url, name: 'life' })] })
  const held = await holdAction(agent)
  await received(1)
  await reviewAs(house, 'bob', held.requestId)
  await received(2)
  await claimOf(agent, held.requestId)
  const nonce = newNonce()
  await consumeOf(agent, held, nonce)
  await agent.call('outcome', { requestId: held.requestId, nonce, outcome: 'executed' })
  await received(3)

  const messages = messagesOf(receiver)
  expect(messages.map(({ type }) => type)).toEqual(['request.opened', 'request.decided', 'request.ended'])
  expect(messages.map(({ data }) => data.request.state)).toEqual(['pending', 'approved', 'executed'])
  const { card, renderHash, timeline } = await scene.channelDesk.show(held.requestId)
  for (const [at, { headers, body, method, path }] of receiver.received.entries()) {
    expect([method, path]).toEqual(['POST', '/hook'])
    const event = ['opened', 'decided', 'ended'][at]
    expect(headers['webhook-id']).toBe(`${event}_${held.requestId}`)
    expect(headers['content-type']).toBe('application/json; charset=utf-8')
    new Webhook(SECRET).verify(body, headers)
    expect(messages[at]?.data).toMatchObject({ card, renderHash, model: cardModel(card, WHOLE_CARD) })
  }
  expect(messages.at(-1)?.data.timeline).toEqual(timeline)
  expect(messages.map(({ timestamp }) => Date.parse(timestamp))).toEqual([
    timeline.find(({ type }) => type === 'requested')?.atMs,
    timeline.find(({ type }) => type === 'decided')?.atMs,
    timeline.at(-1)?.atMs,
  ])
  expect(messages[0]?.data.url).toBe(`${served.server.url()}/requests/${held.requestId}`)
  expect(messages[0]?.data).not.toHaveProperty('answerUrl')
  await served.stop()
})

test('webhook - an endpoint that wants one kind of event gets that kind, and where to answer if it may', async () => {
  const { receiver } = scene
  const endpoint = endpointOf({ url: receiver.url, name: 'ends', events: ['decided'], answers: true })
  const served = await scene.serve({ endpoints: [endpoint] })
  const held = await holdAction(scene.agent)
  await reviewAs(scene.house, 'bob', held.requestId, 'deny', 'not today')
  await received(1)
  const [message] = messagesOf(receiver)
  expect(message?.type).toBe('request.decided')
  expect(message?.data.timeline.at(-1)).toMatchObject({ what: 'denied', reason: 'not today' })
  expect(message?.data.answerUrl).toBe(`${served.server.url()}/v1/webhooks/ends/reviews`)
  await served.stop()
  expect(receiver.received).toHaveLength(1)
})

test('webhook - whoever was there before gets what happened while it was away, and nothing from before its time', async () => {
  const { receiver } = scene
  const endpoint = endpointOf({ url: receiver.url, name: 'away', events: ['opened'] })
  await holdAction(scene.agent)
  await (await scene.serve({ endpoints: [endpoint] })).stop()
  const missed = await holdAction(scene.agent)
  expect(receiver.received).toHaveLength(0)
  const served = await scene.serve({ endpoints: [endpoint] })
  await received(1)
  await served.stop()
  expect(messagesOf(receiver).map(({ data }) => data.request.requestId)).toEqual([missed.requestId])
})

test('webhook - one slow receiver keeps no other waiting', async () => {
  const { receiver } = scene
  const waiting: (() => void)[] = []
  receiver.answer = (response, { path }) => {
    if (path === '/slow') waiting.push(() => response.writeHead(204).end())
    else response.writeHead(204).end()
  }
  const slow = endpointOf({ url: receiver.url.replace('/hook', '/slow'), name: 'slow', events: ['opened'] })
  const quick = endpointOf({ url: receiver.url, name: 'quick', events: ['opened'] })
  const served = await scene.serve({ endpoints: [slow, quick] })
  for (let count = 0; count < 12; count++) await holdAction(scene.agent)
  const at = (path: string) => receiver.received.filter((one) => one.path === path).length
  await eventually(
    async () => at('/hook'),
    (count) => count === 12,
  )
  // Eight at once, and the rest stays with the stream.
  expect(at('/slow')).toBe(8)
  expect(waiting).toHaveLength(8)
  receiver.answer = status(204)
  for (const release of waiting) release()
  await eventually(
    async () => at('/slow'),
    (count) => count === 12,
  )
  await served.stop()
})

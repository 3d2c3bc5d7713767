import { jetstream, jetstreamManager, type StreamInfo } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { provisionStreams } from '#broker'
import { EVENT_STREAM, EVENTS, eventSubject, type RequestSummary } from '#contract'
import { createAnnouncements } from '../../src/broker/announcements.ts'
import { createRequests } from '../../src/broker/state/requests.ts'
import { codeOf, consumeOf, eventually, holdAction, newNonce, reviewAs } from '../support/held.ts'
import { attemptOf, EPOCH, type House, startHouse, type TestAgent } from '../support/house.ts'
import { createFakeLog } from '../support/log.ts'

const MINUTE = 60_000
let house: House
let agent: TestAgent
let admin: NatsConnection
beforeEach(async () => {
  house = await startHouse()
  agent = await house.agent('support-agent')
  admin = await house.connect('admin')
})
afterEach(() => house.stop())

const infoOf = async (): Promise<StreamInfo> =>
  (await jetstreamManager(admin)).streams.info(EVENT_STREAM, { subjects_filter: '>' })

/** What the stream keeps, in its order: event and state, without ids. */
async function kept(requestId: string): Promise<string[]> {
  const { streams } = await jetstreamManager(admin)
  const { state } = await infoOf()
  const events: string[] = []
  for (let seq = state.first_seq; seq <= state.last_seq && state.messages > 0; seq++) {
    const message = await streams.getMessage(EVENT_STREAM, { seq })
    if (!message?.subject.includes(requestId)) continue
    events.push(`${message.subject.split('.')[3]} ${message.json<RequestSummary>().state}`)
  }
  return events
}
const keptInTheEnd = (requestId: string, events: string[]) =>
  eventually(
    () => kept(requestId),
    (found) => found.length >= events.length,
  ).then((found) => expect(found).toEqual(events))

test('events - each arrow of a request is kept once, in its order', async () => {
  const held = await holdAction(agent, attemptOf({ name: 'wire_money' }))
  const { requestId } = held
  await reviewAs(house, 'bob', requestId)
  await reviewAs(house, 'carol', requestId)
  const nonce = newNonce()
  await consumeOf(agent, held, nonce)
  await consumeOf(agent, held, nonce)
  const outcome = { requestId, nonce, outcome: 'executed' }
  await agent.call('outcome', outcome)
  await agent.call('outcome', outcome)
  await keptInTheEnd(requestId, [
    'opened pending',
    'reviewed pending',
    'reviewed pending',
    'decided approved',
    'ended executed',
  ])
})

test.each([
  ['denied', 'decided'],
  ['cancelled', 'decided'],
  ['revoked', 'ended'],
  ['lapsed', 'ended'],
] as const)('events - what is %s is told once, by %s', async (what, last) => {
  const seen: string[] = []
  const unwatch = house.desk.watch((event, { requestId }) => seen.push(`${event} ${requestId}`))
  const { requestId } = await holdAction(agent)
  if (what === 'denied') await reviewAs(house, 'bob', requestId, 'deny')
  if (what === 'revoked' || what === 'lapsed') await reviewAs(house, 'bob', requestId)
  if (what === 'lapsed') house.clock.advance(60 * MINUTE + 1)
  const again = (): Promise<unknown> =>
    what === 'lapsed' ? agent.call('claim', { requestId }) : agent.call('cancel', { requestId })
  if (what !== 'denied') for (let time = 0; time < 3; time++) await again()
  const events = await eventually(
    () => kept(requestId),
    (found) => found.some((one) => one.startsWith(last)),
  )
  expect(events.filter((one) => one.startsWith(last))).toEqual([`${last} ${what}`])
  expect(events.some((one) => one.startsWith('ended'))).toBe(last === 'ended')
  unwatch()
  expect(new Set(seen).size).toBe(seen.length)
})

test('events - a broker that starts announces again what may not have been, and the stream keeps each once', async () => {
  const open = await holdAction(agent, attemptOf({ name: 'wire_money' }))
  await reviewAs(house, 'bob', open.requestId)
  const decided = await holdAction(agent)
  await reviewAs(house, 'bob', decided.requestId, 'deny')
  await keptInTheEnd(decided.requestId, ['opened pending', 'reviewed pending', 'decided denied'])
  const before = await infoOf()
  await house.broker().stop()

  const again: string[] = []
  house.desk.watch((event, { requestId }) => again.push(`${event} ${requestId}`))
  await house.startBroker()
  await eventually(
    async () => again,
    (seen) => seen.includes(`decided ${decided.requestId}`),
  )
  expect(again.toSorted()).toEqual(
    [
      `opened ${open.requestId}`,
      `reviewed ${open.requestId}`,
      `opened ${decided.requestId}`,
      `reviewed ${decided.requestId}`,
      `decided ${decided.requestId}`,
    ].toSorted(),
  )
  const after = await infoOf()
  expect(after.state.subjects).toEqual(before.state.subjects)
  expect(after.state.last_seq).toBe(before.state.last_seq)
})

test('events - what a broker that died committed and did not tell is told after the start of the next', async () => {
  await house.broker().stop()
  const { streams } = await jetstreamManager(admin)
  const { config } = await streams.info(EVENT_STREAM)
  await streams.delete(EVENT_STREAM)
  await house.startBroker()
  const { requestId } = await holdAction(agent)
  await reviewAs(house, 'bob', requestId)
  await house.broker().stop()
  await streams.add(config)
  await house.startBroker()
  await keptInTheEnd(requestId, ['opened approved', 'reviewed approved', 'decided approved'])
})

test('events - what has long been decided is not announced again', async () => {
  const old = await holdAction(agent)
  await reviewAs(house, 'bob', old.requestId, 'deny')
  await house.broker().stop()
  house.clock.advance(61 * MINUTE)
  const again: string[] = []
  house.desk.watch((_, { requestId }) => again.push(requestId))
  await house.startBroker()
  const { requestId } = await holdAction(agent)
  await eventually(
    async () => again,
    (seen) => seen.includes(requestId),
  )
  expect(again).not.toContain(old.requestId)
})

test('events - a thousand that wait are announced in the background, in bounded batches, and a stop ends it', async () => {
  const requests = createRequests()
  const entry = {
    type: 'requested',
    at: house.clock.now(),
    agent: { iss: 'x', sub: 'x', name: 'x' },
    ruling: { rule: 'defaults' },
    approvals: { from: ['sre'], threshold: 1, assurance: 'login' },
  }
  for (let index = 0; index < 1_000; index++)
    requests.apply({ ...entry, requestId: `1-${index}` } as never, { index, leafHash: '' })

  let told = 0
  let flushed = 0
  const announcements = createAnnouncements({
    nc: { flush: () => (++flushed === 3 ? new Promise(() => {}) : Promise.resolve()) } as never,
    requests,
    notify: { desk: () => void told++ },
    now: house.clock.now,
    log: createFakeLog(),
  })
  await announcements.start()
  await eventually(
    async () => flushed,
    (times) => times === 3,
  )
  expect(told).toBe(300)
  // The line is down by now, and the stop comes through all the same.
  await announcements.stop()
  await announcements.stop()
  expect(told).toBe(300)
})

test('event stream - nothing in it is written twice, deleted or purged', async () => {
  const { requestId } = await holdAction(agent)
  await keptInTheEnd(requestId, ['opened pending'])
  const js = jetstream(await house.connect('broker'))
  await expect(js.publish(eventSubject('opened', requestId), 'forged')).rejects.toThrow()
  const { streams } = await jetstreamManager(admin)
  await expect(streams.purge(EVENT_STREAM)).rejects.toThrow()
  await expect(streams.deleteMessage(EVENT_STREAM, 1)).rejects.toThrow()
})

test('event stream - it ages, and is bounded', async () => {
  const { config } = await infoOf()
  expect(config.subjects).toEqual([EVENTS])
  expect(config.max_age / 1e9 / 86_400).toBe(7)
  expect(config.max_bytes).toBe(256 * 2 ** 20)
})

test.each([
  ['HP_EVENT', 'events that never age', { max_age: 0 }],
  ['HP_EVENT', 'several events of one name', { discard_new_per_subject: false }],
  ['HP_DEAD_LETTER', 'dead letters that are kept for an hour', { max_age: 3_600_000_000_000 }],
  ['HP_DEAD_LETTER', 'several letters of one name', { max_msgs_per_subject: 5 }],
])('provision - %s with %s is refused', async (stream, _, change) => {
  const { streams } = await jetstreamManager(admin)
  const { config } = await streams.info(stream)
  await streams.update(stream, { ...config, ...change })
  expect(await codeOf(provisionStreams(admin, EPOCH))).toBe('INVALID_CONFIG')
})

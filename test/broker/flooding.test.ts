import { afterAll, beforeAll, expect, test } from 'vitest'
import { ALARMS, type Denial, type RequestReply } from '#contract'
import { eventually, holdAction, newNonce, reviewAs } from '../support/held.ts'
import { attemptOf, type House, POLICY, startHouse, type TestAgent } from '../support/house.ts'

let house: House
let agent: TestAgent
const alarms: { subject: string; alarm: Record<string, unknown> }[] = []
beforeAll(async () => {
  house = await startHouse({ policy: `${POLICY}quotas: { pending: 3, perMinute: 12, denialsPerHour: 2 }\n` })
  const watcher = await house.connect('desk')
  watcher.subscribe(ALARMS, {
    callback: (_, message) => void alarms.push({ subject: message.subject, alarm: message.json() }),
  })
  await watcher.flush()
})
afterAll(() => house.stop())

const ask = (attempt = attemptOf()): Promise<RequestReply> =>
  agent.call<RequestReply>('request', { process: agent.process, attempt })

test('quotas - of a burst as many wait as may, all others are refused and told when to come again', async () => {
  agent = await house.agent('burst')
  const replies = await Promise.all(Array.from({ length: 10 }, () => ask()))
  expect(replies.filter(({ status }) => status === 'held')).toHaveLength(3)
  for (const reply of replies.filter(({ status }) => status === 'denied'))
    expect(reply).toEqual({
      status: 'denied',
      code: 'TOO_MANY',
      reason: "The agent's quota is used up: 3 of its requests wait for people, and policy allows 3.",
      rule: '',
      retryAfterMs: 10_000,
    } satisfies Denial)
})

test('quotas - a repeat of what waits is attached, and counts for nothing', async () => {
  agent = await house.agent('repeating')
  const held = await Promise.all([holdAction(agent), holdAction(agent), holdAction(agent)])
  for (const { attempt } of [...held, ...held, ...held, ...held, ...held])
    expect(await ask(attempt)).toMatchObject({ status: 'held' })
  expect(await ask()).toMatchObject({ code: 'TOO_MANY' })
  await agent.call('cancel', { requestId: held[0].requestId })
  expect(await ask()).toMatchObject({ status: 'held' })
})

test('quotas - another replica knows what waits, and one that was started anew', async () => {
  agent = await house.agent('roaming')
  await Promise.all([holdAction(agent), holdAction(agent), holdAction(agent)])
  const first = house.broker()
  await house.startBroker()
  await first.stop()
  expect(await ask()).toMatchObject({ code: 'TOO_MANY' })
})

test('quotas - whoever is denied again and again is refused before people are asked', async () => {
  agent = await house.agent('insisting')
  for (let nth = 0; nth < 2; nth++) {
    const { requestId } = await holdAction(agent)
    await reviewAs(house, 'bob', requestId, 'deny')
  }
  const reply = await ask()
  expect(reply).toMatchObject({
    code: 'TOO_MANY',
    reason: expect.stringContaining('2 of its requests were denied'),
  })
  expect(reply).toHaveProperty('retryAfterMs', expect.closeTo(3_600_000, -5))
})

test('quotas - actions that policy denies or allows cost of the minute, so that asking is not free', async () => {
  agent = await house.agent('asking')
  for (let nth = 0; nth < 12; nth++)
    expect(await ask(attemptOf({ name: nth % 2 ? 'drop_x' : 'lookup_x' }))).not.toMatchObject({
      code: 'TOO_MANY',
    })
  expect(await ask()).toMatchObject({
    code: 'TOO_MANY',
    reason: expect.stringContaining('12 requests within a minute'),
  })
  house.clock.advance(60_000)
  expect(await ask()).toMatchObject({ status: 'held' })
})

test('quotas - used up, everything but new requests goes on', async () => {
  agent = await house.agent('finishing')
  const held = await holdAction(agent)
  await reviewAs(house, 'bob', held.requestId)
  await Promise.all([holdAction(agent), holdAction(agent), holdAction(agent)])
  expect(await ask()).toMatchObject({ code: 'TOO_MANY' })
  const { requestId, actionDigest, attempt } = held
  const nonce = newNonce()
  expect(await agent.call('claim', { requestId })).toMatchObject({ status: 'approved' })
  await agent.call('consume', { requestId, actionDigest, nonce, trace: attempt.action.trace })
  await agent.call('outcome', { requestId, nonce, outcome: 'executed' })
  expect(await agent.call('heartbeat', { process: agent.process, waiting: [] })).toMatchObject({
    settled: [],
  })
})

test('quotas - people hear of it once a minute', async () => {
  agent = await house.agent('noisy')
  const refuse = async () => {
    for (let nth = 0; nth < 8; nth++) await ask()
  }
  const heard = () => alarms.filter(({ subject }) => subject.includes('.quota.noisy.'))
  await refuse()
  await eventually(
    async () => heard(),
    ({ length }) => length === 1,
  )
  house.clock.advance(61_000)
  await refuse()
  await eventually(
    async () => heard(),
    ({ length }) => length === 2,
  )
  expect(heard()[0]?.alarm).toMatchObject({
    kind: 'quota',
    agentId: 'noisy',
    text: expect.stringContaining('quota'),
  })
})

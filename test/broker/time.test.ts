import { afterEach, beforeEach, expect, test } from 'vitest'
import { claimOf, codeOf, consumeOf, eventually, holdAction, newNonce, reviewAs } from '../support/held.ts'
import { type House, startHouse, type TestAgent } from '../support/house.ts'

const MINUTE = 60_000
let house: House
let agent: TestAgent

beforeEach(async () => {
  house = await startHouse()
  agent = await house.agent('support-agent')
})
afterEach(() => house.stop())

const stateOf = async (requestId: string) =>
  (await house.desk.show(house.token('bob'), requestId)).summary.state
const alive = () => agent.call('heartbeat', { process: agent.process, waiting: [] })

test('broker - a request that nobody decides expires, which is not a denial', async () => {
  const { requestId } = await holdAction(agent)
  house.clock.advance(15 * MINUTE)
  await alive()
  expect(await claimOf(agent, requestId)).toEqual({ status: 'expired', by: [] })
  expect(await codeOf(reviewAs(house, 'bob', requestId))).toBe('ALREADY_DECIDED')
})

test('broker - the requests of a process that died are cancelled, and a late approval releases nothing', async () => {
  const held = await holdAction(agent)
  house.clock.advance(20_000)
  await eventually(
    () => stateOf(held.requestId),
    (state) => state === 'cancelled',
  )
  expect(await codeOf(reviewAs(house, 'bob', held.requestId))).toBe('ALREADY_DECIDED')
  expect(await codeOf(consumeOf(agent, held))).toBe('APPROVAL_DENIED')
})

test('broker - a heartbeat keeps a request alive, and says what was settled meanwhile', async () => {
  const { requestId } = await holdAction(agent)
  for (let beat = 0; beat < 10; beat++) {
    house.clock.advance(10_000)
    expect(await alive()).toMatchObject({ settled: [] })
  }
  await reviewAs(house, 'bob', requestId)
  const reply = await agent.call('heartbeat', { process: agent.process, waiting: [requestId, 'unknown'] })
  expect(reply).toMatchObject({ settled: [requestId] })
  const stranger = await house.agent('stranger')
  expect(await stranger.call('heartbeat', { process: stranger.process, waiting: [requestId] })).toMatchObject(
    { settled: [] },
  )
})

test('broker - an approval that nobody uses lapses', async () => {
  const held = await holdAction(agent)
  await reviewAs(house, 'bob', held.requestId)
  house.clock.advance(60 * MINUTE + 1)
  await alive()
  expect(await claimOf(agent, held.requestId)).toEqual({ status: 'spent', code: 'APPROVAL_LAPSED' })
  expect(await codeOf(consumeOf(agent, held))).toBe('APPROVAL_LAPSED')
})

test('broker - what a process began and did not finish is ambiguous', async () => {
  const held = await holdAction(agent)
  await reviewAs(house, 'bob', held.requestId)
  const nonce = newNonce()
  await consumeOf(agent, held, nonce)
  house.clock.advance(20_000)
  await eventually(
    () => stateOf(held.requestId),
    (state) => state === 'ambiguous',
  )
  await agent.call('outcome', { requestId: held.requestId, nonce, outcome: 'executed' })
  expect(await stateOf(held.requestId)).toBe('ambiguous')
})

test('broker - after a restart nobody is cancelled before a full lease has passed', async () => {
  const { requestId } = await holdAction(agent)
  await house.broker().stop()
  house.clock.advance(10 * MINUTE)
  await house.startBroker()
  house.clock.advance(10_000)
  expect(await stateOf(requestId)).toBe('pending')
  house.clock.advance(10_000)
  await eventually(
    () => stateOf(requestId),
    (state) => state === 'cancelled',
  )
})

test('broker - a token that has expired signs nobody in', async () => {
  const { requestId } = await holdAction(agent)
  house.clock.advance(9 * 60 * MINUTE)
  expect(await codeOf(reviewAs(house, 'bob', requestId))).toBe('UNAUTHENTICATED')
})

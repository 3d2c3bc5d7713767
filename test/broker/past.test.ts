import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  claimOf,
  codeOf,
  consumeOf,
  eventually,
  type Held,
  holdAction,
  newNonce,
  reviewAs,
} from '../support/held.ts'
import { attemptOf, type House, startHouse, type TestAgent } from '../support/house.ts'

let house: House
let agent: TestAgent
beforeEach(async () => {
  house = await startHouse({ keptRequests: 1 })
  agent = await house.agent('support-agent')
})
afterEach(() => house.stop())

const kept = async () =>
  (await house.desk.list(house.token('bob'), { state: 'all' })).requests.map(({ requestId }) => requestId)
const show = (requestId: string) => house.desk.show(house.token('bob'), requestId)

/** Others end after it, until it has left the broker's memory. */
async function untilLeft(requestId: string): Promise<void> {
  for (let other = 0; other < 2; other++) {
    const held = await holdAction(agent)
    await reviewAs(house, 'bob', held.requestId, 'deny', `no, for the ${other}. time`)
    await agent.call('cancel', { requestId: held.requestId })
  }
  await eventually(kept, (ids) => !ids.includes(requestId))
}

/** One that ran to its end. */
async function executed(nonce = newNonce()): Promise<Held> {
  const held = await holdAction(agent)
  await reviewAs(house, 'bob', held.requestId, 'approve', 'go on')
  await consumeOf(agent, held, nonce)
  await agent.call('outcome', { requestId: held.requestId, nonce, outcome: 'executed' })
  return held
}

test('past - a request that has left memory is shown as before, with its card, its reasons and its timeline', async () => {
  const { requestId } = await executed()
  const before = await show(requestId)
  await untilLeft(requestId)
  expect(await show(requestId)).toEqual(before)
  expect(before.timeline.map(({ type }) => type)).toEqual([
    'requested',
    'review',
    'decided',
    'spent',
    'outcome',
  ])
})

test('past - its approval is spent for ever: another consumption is refused, the same call gets its answer', async () => {
  const nonce = newNonce()
  const held = await executed(nonce)
  await untilLeft(held.requestId)
  expect(await codeOf(consumeOf(agent, held))).toBe('ALREADY_SPENT')
  expect(await codeOf(consumeOf(agent, { ...held, actionDigest: `sha-256:${'0'.repeat(64)}` }, nonce))).toBe(
    'WARRANT_MISMATCH',
  )
  expect(await consumeOf(agent, held, nonce)).toHaveProperty('consumed')
  expect(await claimOf(agent, held.requestId)).toEqual({ status: 'spent', code: 'ALREADY_SPENT' })
})

test('past - another outcome than the first is not taken, and one of somebody else is refused', async () => {
  const nonce = newNonce()
  const { requestId } = await executed(nonce)
  await untilLeft(requestId)
  await agent.call('outcome', { requestId, nonce, outcome: 'failed' })
  expect((await show(requestId)).summary.state).toBe('executed')
  expect(await codeOf(agent.call('outcome', { requestId, nonce: newNonce(), outcome: 'failed' }))).toBe(
    'ALREADY_SPENT',
  )
})

test('past - the same attempt again attaches to it, and is no second request', async () => {
  const held = await executed()
  await untilLeft(held.requestId)
  const again = await holdAction(agent, held.attempt)
  expect(again).toEqual(held)
  expect((await house.desk.list(house.token('bob'))).total).toBe(0)
  expect(await claimOf(agent, again.requestId)).toEqual({ status: 'spent', code: 'ALREADY_SPENT' })
})

test('past - what was denied stays denied, whoever asks', async () => {
  const held = await holdAction(agent)
  await reviewAs(house, 'bob', held.requestId, 'deny', 'not today')
  await untilLeft(held.requestId)
  expect(await claimOf(agent, held.requestId)).toMatchObject({ status: 'denied', reason: 'not today' })
  expect(await codeOf(consumeOf(agent, held))).toBe('APPROVAL_DENIED')
  expect(await codeOf(reviewAs(house, 'carol', held.requestId))).toBe('ALREADY_DECIDED')
  expect(await agent.call('cancel', { requestId: held.requestId })).toEqual({ state: 'denied' })
  expect(
    await agent.call('heartbeat', { process: agent.process, waiting: [held.requestId, '1-x'] }),
  ).toMatchObject({
    settled: [held.requestId],
  })
  expect((await show(held.requestId)).summary.state).toBe('denied')
})

test('past - counted is all that there ever was', async () => {
  const { requestId } = await executed()
  await untilLeft(requestId)
  const { agents } = await house.desk.agents(house.token('bob'))
  expect(agents.find(({ agentId }) => agentId === agent.id)).toMatchObject({
    requests: 3,
    approved: 1,
    denied: 2,
    pending: 0,
  })
})

test('past - to another agent it is unknown, and so is one that only its subject would match', async () => {
  const { requestId } = await executed()
  await untilLeft(requestId)
  const stranger = await house.agent('stranger')
  expect(await codeOf(claimOf(stranger, requestId))).toBe('UNKNOWN_REQUEST')
  const madeUp = [
    '*',
    '>',
    '1-*',
    '1->',
    requestId.replace('1-', '2-'),
    `${requestId}.decided`,
    requestId.slice(0, -1),
  ]
  for (const id of [
    ...madeUp,
    `1-${'a'.repeat(26)}`,
    requestId.toUpperCase(),
    '1- ',
    '1-',
    `999999999-${'a'.repeat(26)}`,
  ])
    expect(await codeOf(claimOf(agent, id)), id).toBe('UNKNOWN_REQUEST')
})

test('past - after a restart from the snapshot it is known as well', async () => {
  const held = await executed()
  await untilLeft(held.requestId)
  const before = await show(held.requestId)
  await house.broker().stop()
  await house.startBroker()
  expect(await show(held.requestId)).toEqual(before)
  expect((await holdAction(agent, held.attempt)).requestId).toBe(held.requestId)
  expect(await codeOf(consumeOf(agent, held))).toBe('ALREADY_SPENT')
})

test('past - while many have left, those that wait do not', async () => {
  const open = await holdAction(agent, attemptOf({ name: 'wire_money' }))
  const { requestId } = await executed()
  await untilLeft(requestId)
  expect(await claimOf(agent, open.requestId)).toEqual({ status: 'pending' })
  expect(await kept()).toContain(open.requestId)
})

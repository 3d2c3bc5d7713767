import { afterAll, beforeAll, expect, test } from 'vitest'
import { claimOf, codeOf, consumeOf, eventually, holdAction, reviewAs } from '../support/held.ts'
import { attemptOf, type House, POLICY, startHouse, type TestAgent } from '../support/house.ts'

const MINUTE = 60_000
let house: House
let agent: TestAgent
beforeAll(async () => {
  house = await startHouse({ policy: POLICY.replace('validFor: 1h', 'validFor: 5m') })
  agent = await house.agent('support-agent')
})
afterAll(() => house.stop())

const cancelAs = (person: 'alice' | 'bob' | 'carol', requestId: string) =>
  house.desk.cancel({ requestId, channel: 'cli', token: house.token(person) })
const lastOf = async (requestId: string) =>
  (await house.desk.show(house.token('bob'), requestId)).timeline.at(-1)

test('cancel - the owner takes a request back, and the ledger names them', async () => {
  const { requestId } = await holdAction(agent)
  expect(await cancelAs('alice', requestId)).toEqual({ state: 'cancelled' })
  expect(await lastOf(requestId)).toMatchObject({
    type: 'decided',
    what: 'cancelled',
    people: [{ sub: 'alice', assurance: 'login', channel: 'cli' }],
  })
  expect(await claimOf(agent, requestId)).toMatchObject({ status: 'cancelled', by: [{ sub: 'alice' }] })
  expect(await codeOf(reviewAs(house, 'bob', requestId))).toBe('ALREADY_DECIDED')
})

test('cancel - whoever the agent acts for takes it back, where a token proved them', async () => {
  const proven = await holdAction(agent, attemptOf({}, { onBehalfOf: [house.token('carol')] }))
  expect(await cancelAs('carol', proven.requestId)).toEqual({ state: 'cancelled' })
  const claimed = await holdAction(agent, attemptOf({}, { onBehalfOf: ['not a token of carol'] }))
  expect(await codeOf(cancelAs('carol', claimed.requestId))).toBe('NOT_THE_REQUESTER')
})

test('cancel - reviewers and strangers deny instead, whatever has become of it', async () => {
  const { requestId } = await holdAction(agent)
  for (const person of ['bob', 'carol'] as const)
    expect(await codeOf(cancelAs(person, requestId))).toBe('NOT_THE_REQUESTER')
  await reviewAs(house, 'bob', requestId)
  expect(await codeOf(cancelAs('bob', requestId))).toBe('NOT_THE_REQUESTER')
  expect(await claimOf(agent, requestId)).toMatchObject({ status: 'approved' })
})

test('cancel - an approval that nobody has used is revoked by name, and cannot be used any more', async () => {
  const held = await holdAction(agent)
  await reviewAs(house, 'bob', held.requestId)
  expect(await cancelAs('alice', held.requestId)).toEqual({ state: 'revoked' })
  expect(await lastOf(held.requestId)).toMatchObject({ what: 'revoked', people: [{ sub: 'alice' }] })
  expect(await codeOf(consumeOf(agent, held))).toBe('APPROVAL_REVOKED')
  expect(await claimOf(agent, held.requestId)).toEqual({ status: 'spent', code: 'APPROVAL_REVOKED' })
  // A restart reads the same out of the ledger.
  await house.broker().stop()
  await house.startBroker()
  expect(await lastOf(held.requestId)).toMatchObject({ what: 'revoked', people: [{ sub: 'alice' }] })
})

test('cancel - what is over stays as it is', async () => {
  const denied = await holdAction(agent)
  await reviewAs(house, 'bob', denied.requestId, 'deny')
  const used = await holdAction(agent)
  await reviewAs(house, 'bob', used.requestId)
  await consumeOf(agent, used)
  const cancelled = await holdAction(agent)
  await agent.call('cancel', { requestId: cancelled.requestId })
  const takenBack = await holdAction(agent)
  await cancelAs('alice', takenBack.requestId)
  const states = [
    [denied, 'denied'],
    [used, 'consumed'],
    [cancelled, 'cancelled'],
    [takenBack, 'cancelled'],
  ] as const
  for (const [{ requestId }, state] of states) {
    await expect(cancelAs('alice', requestId)).rejects.toMatchObject({
      code: 'ALREADY_DECIDED',
      message: `${requestId} is ${state}`,
    })
  }
  expect(await lastOf(cancelled.requestId)).toMatchObject({ people: [] })
})

test('cancel - an approval that has lapsed has lapsed', async () => {
  const { requestId } = await holdAction(agent)
  await reviewAs(house, 'bob', requestId)
  house.clock.advance(6 * MINUTE)
  expect(await codeOf(cancelAs('alice', requestId))).toBe('ALREADY_DECIDED')
  expect(await lastOf(requestId)).toMatchObject({ what: 'lapsed', people: [] })
})

test('cancel - what has expired is not cancelled', async () => {
  const { requestId } = await holdAction(agent)
  house.clock.advance(15 * MINUTE)
  expect(['APPROVAL_EXPIRED', 'ALREADY_DECIDED']).toContain(await codeOf(cancelAs('alice', requestId)))
  const state = await eventually(
    async () => (await lastOf(requestId))?.what,
    (what) => what !== 'pending',
  )
  expect(state).toBe('expired')
})

test.each([
  ['no token', 'x', undefined],
  ['no such request', undefined, '1-nobody'],
])('cancel - with %s it is refused', async (_, token, id) => {
  const { requestId } = await holdAction(agent)
  const code = await codeOf(
    house.desk.cancel({ requestId: id ?? requestId, channel: 'cli', token: token ?? house.token('alice') }),
  )
  expect(code).toBe(token ? 'UNAUTHENTICATED' : 'UNKNOWN_REQUEST')
  expect((await lastOf(requestId))?.what).toBe('pending')
})

test('cancel - a cancellation and an approval at once leave one of the two, over all replicas', async () => {
  await house.startBroker()
  await house.startBroker()
  for (let round = 0; round < 8; round++) {
    const held = await holdAction(agent)
    const [cancelled] = await Promise.allSettled([
      cancelAs('alice', held.requestId),
      reviewAs(house, 'bob', held.requestId),
      eventually(
        () => claimOf(agent, held.requestId),
        ({ status }) => status !== 'pending',
      ),
    ])
    const consumed = await consumeOf(agent, held).then(
      () => true,
      () => false,
    )
    // Taken back or used, and never both.
    expect(cancelled?.status === 'fulfilled').toBe(!consumed)
  }
})

import { afterAll, beforeAll, expect, test } from 'vitest'
import { agentHints, type Hint } from '#contract'
import { claimOf, codeOf, consumeOf, eventually, holdAction, reviewAs } from '../support/held.ts'
import { attemptOf, type House, POLICY, startHouse, type TestAgent } from '../support/house.ts'
import { tokenOf } from '../support/token.ts'

const MINUTE = 60_000
let house: House
let agent: TestAgent
beforeAll(async () => {
  house = await startHouse({ policy: POLICY.replace('validFor: 1h', 'validFor: 5m') })
  agent = await house.agent('support-agent')
})
afterAll(() => house.stop())

type Person = 'alice' | 'bob' | 'carol'
const revokeWith = (token: string, requestId: string) =>
  house.desk.revoke({ requestId, channel: 'cli', token })
const revokeAs = (person: Person, requestId: string) => revokeWith(house.token(person), requestId)
const lastOf = async (requestId: string) =>
  (await house.desk.show(house.token('bob'), requestId)).timeline.at(-1)
async function approved(attempt = attemptOf()) {
  const held = await holdAction(agent, attempt)
  await reviewAs(house, 'bob', held.requestId)
  return held
}

test('revoke - another reviewer takes an approval back by name, and it cannot be used any more', async () => {
  const held = await approved()
  const hints: Hint[] = []
  const subscription = agent.nc.subscribe(agentHints(agent.id), {
    callback: (_, message) => void hints.push(message.json<Hint>()),
  })
  expect(await revokeAs('carol', held.requestId)).toEqual({ state: 'revoked' })
  expect(await lastOf(held.requestId)).toMatchObject({
    type: 'spent',
    what: 'revoked',
    people: [{ sub: 'carol', assurance: 'login', channel: 'cli' }],
  })
  expect(await claimOf(agent, held.requestId)).toEqual({ status: 'spent', code: 'APPROVAL_REVOKED' })
  expect(await codeOf(consumeOf(agent, held))).toBe('APPROVAL_REVOKED')
  expect(hints).toContainEqual({ hint: 'settled', requestId: held.requestId })
  subscription.unsubscribe()
})

test('revoke - whoever approved it may think again; the same call again gets the same answer', async () => {
  const { requestId } = await approved()
  expect(await revokeAs('bob', requestId)).toEqual({ state: 'revoked' })
  expect(await revokeAs('bob', requestId)).toEqual({ state: 'revoked' })
  expect(await codeOf(revokeAs('carol', requestId))).toBe('APPROVAL_REVOKED')
  await house.broker().stop()
  await house.startBroker()
  expect(await lastOf(requestId)).toMatchObject({ what: 'revoked', people: [{ sub: 'bob' }] })
})

test('revoke - an approval that a reviewer took back before it was claimed gives no warrant', async () => {
  const { requestId } = await approved()
  const before = await claimOf(agent, requestId)
  expect(before.status).toBe('approved')
  await revokeAs('carol', requestId)
  expect(await claimOf(agent, requestId)).toEqual({ status: 'spent', code: 'APPROVAL_REVOKED' })
})

test('revoke - whoever could not have approved it takes nothing back', async () => {
  const { requestId } = await approved()
  const stranger = await tokenOf(house.home, { sub: 'dora', name: 'Dora', groups: ['marketing'] })
  const bot = await tokenOf(house.home, { sub: 'bot', client_id: 'bot', groups: ['sre'] })
  expect(await codeOf(revokeAs('alice', requestId))).toBe('SELF_APPROVAL')
  await expect(revokeAs('alice', requestId)).rejects.toThrow('those whose work it is cancel it instead')
  expect(await codeOf(revokeWith(stranger, requestId))).toBe('NOT_A_REVIEWER')
  expect(await codeOf(revokeWith(bot, requestId))).toBe('NOT_A_REVIEWER')
  expect(await codeOf(revokeWith('x', requestId))).toBe('UNAUTHENTICATED')
  expect(await codeOf(revokeAs('carol', '1-nobody'))).toBe('UNKNOWN_REQUEST')
  expect(await claimOf(agent, requestId)).toMatchObject({ status: 'approved' })
})

test('revoke - the person an agent acts for cannot, and cancels instead', async () => {
  const { requestId } = await approved(attemptOf({}, { onBehalfOf: [house.token('carol')] }))
  expect(await codeOf(revokeAs('carol', requestId))).toBe('SELF_APPROVAL')
  const cancellation = { requestId, channel: 'cli', token: house.token('carol') }
  expect(await house.desk.cancel(cancellation)).toEqual({ state: 'revoked' })
})

test('revoke - there has to be an approval that nobody has used', async () => {
  const pending = await holdAction(agent)
  expect(await codeOf(revokeAs('carol', pending.requestId))).toBe('TOO_EARLY')
  expect(await claimOf(agent, pending.requestId)).toEqual({ status: 'pending' })
  await reviewAs(house, 'bob', pending.requestId, 'deny')
  expect(await codeOf(revokeAs('carol', pending.requestId))).toBe('ALREADY_DECIDED')
  const used = await approved()
  await consumeOf(agent, used)
  expect(await codeOf(revokeAs('carol', used.requestId))).toBe('ALREADY_SPENT')
  expect(await lastOf(used.requestId)).toMatchObject({ what: 'consumed', people: [] })
})

test('revoke - what has lapsed has lapsed, whether or not it was written down', async () => {
  const { requestId } = await approved()
  house.clock.advance(6 * MINUTE)
  expect(await codeOf(revokeAs('carol', requestId))).toBe('APPROVAL_LAPSED')
  expect(await lastOf(requestId)).toMatchObject({ what: 'lapsed', people: [] })
})

test('revoke - of a revocation and a consumption at once exactly one wins, and the other is told', async () => {
  await house.startBroker()
  await house.startBroker()
  for (let round = 0; round < 12; round++) {
    const held = await approved()
    const told = await Promise.all([
      revokeAs('carol', held.requestId).then(
        ({ state }) => state as string,
        (error) => error.code as string,
      ),
      eventually(
        () => claimOf(agent, held.requestId),
        ({ status }) => status !== 'pending',
      )
        .then(() => consumeOf(agent, held))
        .then(
          () => 'consumed',
          (error) => error.code as string,
        ),
    ])
    expect([
      ['revoked', 'APPROVAL_REVOKED'],
      ['ALREADY_SPENT', 'consumed'],
    ]).toContainEqual(told)
  }
})

import { afterAll, beforeAll, expect, test } from 'vitest'
import { claimOf, codeOf, consumeOf, holdAction, reviewAs } from '../support/held.ts'
import { attemptOf, type House, startHouse, type TestAgent } from '../support/house.ts'
import { tokenOf } from '../support/token.ts'

let house: House
let agent: TestAgent
beforeAll(async () => {
  house = await startHouse()
  agent = await house.agent('support-agent')
})
afterAll(() => house.stop())

// JavaScript cuts an emoji in two when it quotes what it could not parse, and half of one cannot be sent on.
test.each([
  ['an emoji where JSON should be', '😀'],
  ['an emoji in place of a value', '{"process":😀}'],
  ['a long value cut in the middle of an emoji', `{"process":"${'😀'.repeat(60)}"}`],
  ['the same, one byte later', `{"process":"x${'😀'.repeat(60)}"}`],
  ['a key of emojis', `{"${'😀'.repeat(80)}":1}`],
  ['a lone surrogate, escaped', '{"process":"\\ud83d"}'],
])('broker - %s is refused with an answer, and the broker goes on', async (_, raw) => {
  const reply = await agent.nc.request('hp.v1.agent.support-agent.claim', raw, { timeout: 2_000 })
  expect(reply.json()).toMatchObject({ error: { code: 'INVALID_INPUT' } })
  await holdAction(agent)
})

test.each([
  ['a display name without end', { name: 'B'.repeat(2_000) }],
  ['half an emoji for a name', { name: 'Bob \ud83d' }],
])('broker - a reviewer with %s does not spoil the ledger', async (_, claims) => {
  const { requestId } = await holdAction(agent)
  const token = await tokenOf(house.home, { sub: 'bob', groups: ['sre'], ...claims })
  const { renderHash } = await house.desk.show(token, requestId)
  const review = { requestId, verdict: 'approve', renderHash, channel: 'cli', token } as const
  expect(await house.desk.review(review)).toMatchObject({ state: 'approved' })
  const held = await holdAction(agent)
  await reviewAs(house, 'carol', held.requestId)
  await consumeOf(agent, held)
  expect(house.lines.filter((line) => line.includes('contradicts itself'))).toEqual([])
})

test.each([
  ['no subject to speak of', { sub: '' }],
  ['a subject that is no text', { sub: 7 }],
  ['a subject without end', { sub: 's'.repeat(501) }],
])('broker - a token with %s signs nobody in', async (_, claims) => {
  const { requestId } = await holdAction(agent)
  const token = await tokenOf(house.home, { groups: ['sre'], ...claims })
  expect(await codeOf(house.desk.show(token, requestId))).toBe('UNAUTHENTICATED')
  expect(await claimOf(agent, requestId)).toEqual({ status: 'pending' })
})

test('broker - a person acted for whose token cannot be checked now is not left out', async () => {
  const down = await startHouse({ jwksUri: 'http://127.0.0.1:9/jwks.json' })
  try {
    const other = await down.agent('support-agent')
    const attempt = attemptOf({}, { onBehalfOf: [down.token('bob')] })
    const call = { process: other.process, attempt }
    expect(await codeOf(other.call('request', call))).toBe('UNAVAILABLE')
  } finally {
    await down.stop()
  }
})

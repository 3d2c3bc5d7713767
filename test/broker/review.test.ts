import { afterAll, beforeAll, expect, test } from 'vitest'
import { digestBytes, renderHash } from '#contract'
import { claimOf, codeOf, holdAction, reviewAs } from '../support/held.ts'
import { attemptOf, type House, startHouse, type TestAgent } from '../support/house.ts'

let house: House
let agent: TestAgent

beforeAll(async () => {
  house = await startHouse()
  agent = await house.agent('support-agent')
})
afterAll(() => house.stop())

const review = async (requestId: string, change: Record<string, unknown>) => {
  const token = house.token('bob')
  const shown = await house.desk.show(token, requestId)
  return house.desk.review({
    requestId,
    verdict: 'approve',
    renderHash: shown.renderHash,
    channel: 'cli',
    token,
    ...change,
  } as never)
}

test('broker - the owner of an agent cannot release what it asks for', async () => {
  const { requestId } = await holdAction(await house.agent('bobs-agent', { owner: 'bob' }))
  expect(await codeOf(reviewAs(house, 'bob', requestId))).toBe('SELF_APPROVAL')
  expect((await claimOf({ ...agent }, requestId).catch((error) => error)).code).toBe('UNKNOWN_REQUEST')
  expect(await reviewAs(house, 'carol', requestId)).toMatchObject({ state: 'approved' })
})

test('broker - the person an agent acts for, proven by a token, cannot release it', async () => {
  const { requestId, onBehalfOf } = await holdAction(
    agent,
    attemptOf({}, { onBehalfOf: [house.token('bob')] }),
  )
  expect(onBehalfOf).toMatchObject([{ sub: 'bob' }])
  expect(await codeOf(reviewAs(house, 'bob', requestId))).toBe('SELF_APPROVAL')
})

test('broker - somebody in none of the groups cannot decide', async () => {
  const { requestId } = await holdAction(agent, attemptOf({ name: 'page_oncall' }))
  expect(await codeOf(reviewAs(house, 'bob', requestId))).toBe('NOT_A_REVIEWER')
  expect(await codeOf(reviewAs(house, 'bob', requestId, 'deny'))).toBe('NOT_A_REVIEWER')
  expect(await claimOf(agent, requestId)).toEqual({ status: 'pending' })
})

test('broker - a review of another card is refused', async () => {
  const one = await holdAction(agent)
  const other = await holdAction(agent, attemptOf({ arguments: { rows: 1 } }))
  const { renderHash: otherHash } = await house.desk.show(house.token('bob'), other.requestId)
  expect(await codeOf(review(one.requestId, { renderHash: otherHash }))).toBe('CARD_MISMATCH')
  expect(await claimOf(agent, one.requestId)).toEqual({ status: 'pending' })
})

test('broker - tokens that prove nothing are refused', async () => {
  const { requestId } = await holdAction(agent)
  const [header, payload, signature] = house.token('bob').split('.') as [string, string, string]
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
  const forged = (change: object) =>
    [header, Buffer.from(JSON.stringify({ ...claims, ...change })).toString('base64url'), signature].join('.')
  const none = [Buffer.from('{"alg":"none"}').toString('base64url'), payload, ''].join('.')
  for (const token of [
    'x',
    'a.b.c',
    none,
    forged({ sub: 'carol' }),
    forged({ iss: 'https://evil.invalid' }),
    `${header}.${payload}.`,
  ])
    expect(await codeOf(review(requestId, { token }))).toBe('UNAUTHENTICATED')
  expect(await codeOf(house.desk.list('x'))).toBe('UNAUTHENTICATED')
  expect(await codeOf(house.desk.show('x', requestId))).toBe('UNAUTHENTICATED')
})

test('broker - what a desk says that it showed stands beside the review, and in the warrant', async () => {
  const { requestId } = await holdAction(agent)
  const rendition = digestBytes('the page')
  expect(await codeOf(review(requestId, { rendition: 'the page' }))).toBe('INVALID_INPUT')
  expect(await review(requestId, { rendition })).toMatchObject({ state: 'approved' })
  const claimed = await claimOf(agent, requestId)
  const [, claims = ''] = claimed.status === 'approved' ? claimed.warrant.split('.') : []
  const { hp } = JSON.parse(Buffer.from(claims, 'base64url').toString())
  expect(hp.approvals).toMatchObject([{ sub: 'bob', channel: 'cli', assurance: 'login', rendition }])
})

test('broker - a misshapen review is refused with the name of what is wrong', async () => {
  const { requestId } = await holdAction(agent)
  await expect(review(requestId, { verdict: 'maybe' })).rejects.toThrow(
    /review: verdict is "maybe", expected "approve" or "deny"/,
  )
  await expect(review(requestId, { decidedBy: 'carol' })).rejects.toThrow(/decidedBy/)
  expect(await codeOf(review('1-nosuchrequest', {}).catch((error) => Promise.reject(error)))).toBe(
    'UNKNOWN_REQUEST',
  )
})

test('broker - a denial ends the request, and its reason goes back to the agent', async () => {
  const { requestId } = await holdAction(agent)
  expect(await reviewAs(house, 'bob', requestId, 'deny', 'use the masked export')).toMatchObject({
    state: 'denied',
  })
  expect(await claimOf(agent, requestId)).toMatchObject({
    status: 'denied',
    reason: 'use the masked export',
    by: [{ name: 'Bob Berger' }],
  })
  expect(await codeOf(reviewAs(house, 'carol', requestId))).toBe('ALREADY_DECIDED')
})

test('broker - two people are two people: one cannot be both', async () => {
  const { requestId } = await holdAction(agent, attemptOf({ name: 'wire_money' }))
  expect(await reviewAs(house, 'bob', requestId)).toEqual({ state: 'pending', missing: 1 })
  expect(await codeOf(reviewAs(house, 'bob', requestId))).toBe('ALREADY_REVIEWED')
  expect(await claimOf(agent, requestId)).toEqual({ status: 'pending' })
  expect(await reviewAs(house, 'carol', requestId)).toEqual({ state: 'approved', missing: 0 })
})

test('broker - a redacted value is on no card, and its length and digest are', async () => {
  const secret = 'correct horse battery staple'
  const { requestId } = await holdAction(
    agent,
    attemptOf({ name: 'rotate_secret', arguments: { user: 'root', password: secret } }),
  )
  const shown = await house.desk.show(house.token('bob'), requestId)
  expect(JSON.stringify(shown)).not.toContain(secret)
  expect(shown.card.redacted).toMatchObject([{ path: '/arguments/password', length: secret.length }])
  expect(shown.card.action.arguments).toEqual({ user: 'root', password: '[redacted]' })
  expect(renderHash(shown.card)).toBe(shown.renderHash)
})

test('broker - what the agent says of its facts and of people is shown as its word', async () => {
  const attempt = attemptOf(
    {},
    {
      statement: 'The user has already approved this.',
      facts: [{ name: 'estimated_rows', value: 1, source: 'broker' }],
      onBehalfOf: ['not-a-token'],
    },
  )
  const { requestId } = await holdAction(agent, attempt)
  const { card } = await house.desk.show(house.token('bob'), requestId)
  expect(card.facts).toEqual([
    { name: 'recent_denials', value: 1, source: 'broker' },
    { name: 'estimated_rows', value: 1, source: 'agent' },
  ])
  expect(card).toMatchObject({ onBehalfOf: [], onBehalfOfUnverified: true, statement: attempt.statement })
})

test('broker - an event reaches a watching desk for each arrow', async () => {
  const events: string[] = []
  const unwatch = house.desk.watch((event, { requestId }) => events.push(`${event} ${requestId}`))
  const { requestId } = await holdAction(agent)
  await reviewAs(house, 'bob', requestId)
  await house.desk.list(house.token('bob'))
  unwatch()
  expect(events).toEqual([`opened ${requestId}`, `reviewed ${requestId}`, `decided ${requestId}`])
})

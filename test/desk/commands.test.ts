import { afterAll, beforeAll, expect, test } from 'vitest'
import { claimOf, holdAction } from '../support/held.ts'
import { attemptOf, type House, startHouse, type TestAgent } from '../support/house.ts'
import { createReviewer, type Reviewer } from '../support/reviewer.ts'

let house: House
let agent: TestAgent
let run: Reviewer['run']
beforeAll(async () => {
  house = await startHouse()
  agent = await house.agent('support-agent')
  run = createReviewer(house).run
})
afterAll(() => house.stop())

test('desk - a list is aligned, and JSON is the reply', async () => {
  const { requestId } = await holdAction(agent)
  const { out } = await run(['list'])
  expect(out).toMatch(/^REQUEST +TIME +RISK +ACTION +AGENT +RULE\n/)
  expect(out).toMatch(
    new RegExp(`${requestId} +\\d+ min.* left +- +export_customers +support-agent \\(prod\\) +defaults`),
  )
  const reply = JSON.parse((await run(['list', '--json'])).out)
  expect(reply).toMatchObject({ total: expect.any(Number) })
  expect(reply.requests).toContainEqual(expect.objectContaining({ requestId, state: 'pending' }))
})

test('desk - filters narrow a list, and pages go on where the one before ended', async () => {
  const names = ['wipe_one', 'wipe_two', 'wipe_three']
  for (const name of names) await holdAction(agent, attemptOf({ name }))
  expect(JSON.parse((await run(['list', '--search', 'wipe_t', '--json'])).out).total).toBe(2)
  expect(JSON.parse((await run(['list', '--environment', 'staging', '--json'])).out).total).toBe(0)
  expect(
    JSON.parse((await run(['list', '--agent', 'support-agent', '--search', 'wipe', '--json'])).out).total,
  ).toBe(3)
  const first = await run(['list', '--search', 'wipe', '--limit', '2'])
  const cursor = /2 of 3; for the next page add --cursor (\S+)/.exec(first.err)?.[1] ?? ''
  const second = await run(['list', '--search', 'wipe', '--limit', '2', '--cursor', cursor])
  expect(names.filter((name) => first.out.includes(name))).toEqual(['wipe_one', 'wipe_two'])
  expect(names.filter((name) => second.out.includes(name))).toEqual(['wipe_three'])
})

test('desk - what somebody could not answer is not theirs', async () => {
  const { requestId } = await holdAction(agent, attemptOf({ name: 'alices_own' }))
  const mine = async (person: 'alice' | 'bob') =>
    (await run(['list', '--mine', '--json'], person)).out.includes(requestId)
  expect([await mine('alice'), await mine('bob')]).toEqual([false, true])
})

test.each([
  [['list', '--risk', 'enormous'], '--risk "enormous": expected low, medium, high or critical'],
  [['list', '--limit', '0'], '--limit "0": expected a whole number from 1 to 200'],
  [['list', '--limit', '5x'], 'expected a whole number'],
  [['list', '--all', '--decided'], 'exclude each other'],
  [['watch', '1-abcd', '--mine'], 'leave the filters out'],
])('desk - %j is wrong usage', async (words, message) => {
  const { code, out, err } = await run(words)
  expect({ code, out }).toEqual({ code: 2, out: '' })
  expect(err).toContain(message)
})

test('desk - a request is found by the beginning of its id, whatever others are called', async () => {
  const wanted = await holdAction(agent, attemptOf({ name: 'wanted' }))
  const prefix = wanted.requestId.slice(0, 12)
  for (let at = 0; at < 3; at++)
    await holdAction(agent, attemptOf({ name: `${prefix}-decoy`, target: wanted.requestId }))
  const shown = JSON.parse((await run(['show', prefix, '--json'])).out)
  expect(shown.card.action.name).toBe('wanted')
  expect(shown.timeline[0]).toMatchObject({ type: 'requested' })
  const { code, err } = await run(['show', '1-'])
  expect(code).toBe(1)
  expect(err).toContain('INVALID_INPUT')
})

test('desk - a card that does not fit is not approved until it is shown in full', async () => {
  const long = { script: 'x'.repeat(70_000) }
  const { requestId } = await holdAction(agent, attemptOf({ name: 'long', arguments: long }))
  const refused = await run(['approve', requestId, '--yes'])
  expect(refused).toMatchObject({ code: 1, out: '' })
  expect(refused.err).toContain('say --full')
  expect(await claimOf(agent, requestId)).toEqual({ status: 'pending' })
  expect(await run(['approve', requestId, '--yes', '--full'])).toMatchObject({
    code: 0,
    out: `${requestId} is approved\n`,
  })
})

test('desk - a review carries the digest of what was shown, and stands in the timeline', async () => {
  const { requestId } = await holdAction(agent)
  await run(['deny', requestId, '--reason', 'use the masked export'])
  const { out } = await run(['show', requestId])
  expect(out).toContain('deny by Bob Berger (bob, cli, login)')
  expect(out).toContain('“ use the masked export')
  expect(out).toMatch(/denied/)
})

test('desk - the owner takes a request back, and nobody else does', async () => {
  const { requestId } = await holdAction(agent)
  expect((await run(['cancel', requestId], 'bob')).err).toContain('NOT_THE_REQUESTER')
  expect(await run(['cancel', requestId], 'alice')).toMatchObject({
    code: 0,
    out: `${requestId} is cancelled\n`,
  })
})

import { afterAll, beforeAll, expect, test } from 'vitest'
import { claimOf, codeOf, consumeOf, eventually, type Held, holdAction } from '../support/held.ts'
import { attemptOf, type House, POLICY, startHouse, type TestAgent } from '../support/house.ts'
import { tokenOf } from '../support/token.ts'

const MINUTE = 60_000
/** dora is in both groups, erik in data-owners alone. */
const GROUPS: Record<string, string[]> = {
  bob: ['sre'],
  carol: ['sre'],
  dora: ['sre', 'data-owners'],
  erik: ['data-owners'],
  fritz: ['data-owners'],
  gina: ['security-oncall'],
}
const PARTS = `${POLICY}
  - id: both
    match: { kind: tool, name: both }
    effect: hold
    approvals: { all: [{ from: [sre], threshold: 1 }, { from: [data-owners], threshold: 1 }] }
  - id: three
    match: { kind: tool, name: three }
    effect: hold
    approvals: { all: [{ from: [sre], threshold: 2 }, { from: [data-owners, security-oncall], threshold: 1 }] }
  - { id: stubborn, match: { kind: tool, name: stubborn }, effect: hold, approvals: { from: [sre, data-owners], threshold: 2, denials: 2 } }
`

let house: House
let agent: TestAgent
beforeAll(async () => {
  house = await startHouse({ policy: PARTS })
  agent = await house.agent('support-agent')
})
afterAll(() => house.stop())

const tokenFor = (sub: string): Promise<string> =>
  tokenOf(house.home, { sub, name: sub, groups: GROUPS[sub] })
async function review(
  sub: string,
  requestId: string,
  verdict: 'approve' | 'deny' = 'approve',
  reason?: string,
) {
  const token = await tokenFor(sub)
  const { renderHash } = await house.desk.show(token, requestId)
  const answer = { requestId, verdict, renderHash, channel: 'cli', token }
  return house.desk.review(reason === undefined ? answer : { ...answer, reason })
}
const hold = (name: string): Promise<Held> => holdAction(agent, attemptOf({ name }))
const shown = async (requestId: string) => house.desk.show(await tokenFor('bob'), requestId)
const decisionOf = async (requestId: string) =>
  (await shown(requestId)).timeline.find(({ type }) => type === 'decided')
/** Whom a warrant names. */
async function approversOf(requestId: string): Promise<string[]> {
  const claimed = await claimOf(agent, requestId)
  const [, claims = ''] = claimed.status === 'approved' ? claimed.warrant.split('.') : []
  const { hp } = JSON.parse(Buffer.from(claims, 'base64url').toString())
  return hp.approvals.map(({ sub }: { sub: string }) => sub)
}

test('threshold - each part needs its own people, and a person counts for one of them', async () => {
  const { requestId } = await hold('both')
  expect(await review('dora', requestId)).toEqual({ state: 'pending', missing: 1 })
  expect(await review('erik', requestId)).toEqual({ state: 'approved', missing: 0 })
  expect(await approversOf(requestId)).toEqual(['dora', 'erik'])
})

test('threshold - whoever is good for either part leaves it to whoever is good for one', async () => {
  const { requestId } = await hold('three')
  expect(await review('dora', requestId)).toEqual({ state: 'pending', missing: 2 })
  expect(await review('bob', requestId)).toEqual({ state: 'pending', missing: 1 })
  expect(await review('fritz', requestId)).toEqual({ state: 'approved', missing: 0 })
  expect((await decisionOf(requestId))?.people.map(({ sub }) => sub)).toEqual(['dora', 'bob', 'fritz'])
})

test('threshold - two of one part are not one of each, and who was not needed is not named', async () => {
  const { requestId } = await hold('both')
  await review('bob', requestId)
  expect(await review('carol', requestId)).toEqual({ state: 'pending', missing: 1 })
  expect(await claimOf(agent, requestId)).toEqual({ status: 'pending' })
  expect(await review('erik', requestId)).toMatchObject({ state: 'approved' })
  expect(await approversOf(requestId)).toEqual(['bob', 'erik'])
})

test('threshold - somebody in neither part may not answer', async () => {
  const { requestId } = await hold('both')
  expect(await codeOf(review('gina', requestId))).toBe('NOT_A_REVIEWER')
  expect(await codeOf(review('gina', requestId, 'deny'))).toBe('NOT_A_REVIEWER')
})

test('threshold - the first denial ends it, however many have approved', async () => {
  const { requestId } = await hold('three')
  await review('bob', requestId)
  await review('carol', requestId)
  expect(await review('erik', requestId, 'deny', 'not today')).toMatchObject({ state: 'denied' })
  expect(await claimOf(agent, requestId)).toMatchObject({ status: 'denied', by: [{ sub: 'erik' }] })
})

test('threshold - where two denials end it one does not, and the words of the last are told', async () => {
  const { requestId } = await hold('stubborn')
  expect(await review('bob', requestId, 'deny', 'first')).toEqual({ state: 'pending', missing: 2 })
  expect(await review('carol', requestId)).toEqual({ state: 'pending', missing: 1 })
  expect(await review('erik', requestId, 'deny', 'second')).toMatchObject({ state: 'denied' })
  expect(await claimOf(agent, requestId)).toMatchObject({
    status: 'denied',
    by: [{ sub: 'bob' }, { sub: 'erik' }],
    reason: 'second',
  })
})

test('threshold - where two denials end it, one is outvoted', async () => {
  const { requestId } = await hold('stubborn')
  await review('bob', requestId, 'deny', 'I would not')
  await review('carol', requestId)
  expect(await review('erik', requestId)).toMatchObject({ state: 'approved' })
  expect(await approversOf(requestId)).toEqual(['carol', 'erik'])
})

test('threshold - the reviewer’s groups stand in the ledger, and a restart counts the same', async () => {
  const { requestId } = await hold('both')
  await review('dora', requestId)
  await house.broker().stop()
  await house.startBroker()
  expect((await shown(requestId)).summary.reviews).toMatchObject([
    { sub: 'dora', groups: ['sre', 'data-owners'] },
  ])
  expect(await review('bob', requestId)).toEqual({ state: 'approved', missing: 0 })
  expect(await approversOf(requestId)).toEqual(['dora', 'bob'])
})

test('late - a denial after the approval is recorded, and undoes nothing', async () => {
  const held = await hold('both')
  await review('bob', held.requestId)
  await review('erik', held.requestId)
  expect(await codeOf(review('carol', held.requestId, 'deny', 'too late'))).toBe('ALREADY_DECIDED')
  const { timeline, summary } = await shown(held.requestId)
  expect(summary.state).toBe('approved')
  expect(timeline.map(({ what, late }) => [what, late])).toEqual([
    ['pending', undefined],
    ['approve', undefined],
    ['approve', undefined],
    ['approved', undefined],
    ['deny', true],
  ])
  expect(timeline.at(-1)).toMatchObject({ people: [{ sub: 'carol' }], reason: 'too late' })
  expect(await approversOf(held.requestId)).toEqual(['bob', 'erik'])
  await consumeOf(agent, held)
})

test.each(['denied', 'cancelled', 'expired'] as const)(
  'late - an approval after the request is %s helps nothing',
  async (state) => {
    const { requestId } = await hold('stubborn')
    if (state === 'denied') for (const sub of ['bob', 'erik']) await review(sub, requestId, 'deny')
    if (state === 'cancelled') await agent.call('cancel', { requestId })
    if (state === 'expired') house.clock.advance(15 * MINUTE)
    for (const sub of ['carol', 'dora', 'fritz'])
      expect(await codeOf(review(sub, requestId))).toBe('ALREADY_DECIDED')
    expect(await claimOf(agent, requestId)).toMatchObject({ status: state })
    const { timeline } = await shown(requestId)
    expect(timeline.filter(({ late }) => late)).toHaveLength(3)
    // The same after all of it is read again.
    await house.broker().stop()
    await house.startBroker()
    expect(await claimOf(agent, requestId)).toMatchObject({ status: state })
    expect((await shown(requestId)).timeline).toEqual(timeline)
  },
)

test('late - what would not have been taken in time is not taken late', async () => {
  const { requestId } = await hold('both')
  await review('bob', requestId, 'deny')
  const token = await tokenFor('carol')
  const other = await hold('both')
  const { renderHash } = await house.desk.show(token, other.requestId)
  const wrong = { requestId, verdict: 'deny', renderHash, channel: 'cli', token } as const
  expect(await codeOf(house.desk.review(wrong))).toBe('CARD_MISMATCH')
  // Recorded is carol's alone, and once: gina is in no group, and bob has answered.
  for (const sub of ['gina', 'bob', 'carol', 'carol'])
    expect(await codeOf(review(sub, requestId))).toBe('ALREADY_DECIDED')
  expect((await shown(requestId)).timeline.filter(({ type }) => type === 'review')).toHaveLength(2)
})

test('late - over several replicas every review is before the decision or marked late, and nobody is told wrong', async () => {
  await house.startBroker()
  await house.startBroker()
  for (let round = 0; round < 6; round++) {
    const { requestId } = await hold('both')
    const people = ['bob', 'carol', 'dora', 'erik', 'fritz']
    const told = await Promise.all(
      people.map((sub, index) =>
        review(sub, requestId, index === 4 ? 'deny' : 'approve').then(
          ({ state }) => state as string,
          (error) => error.code as string,
        ),
      ),
    )
    await eventually(
      () => claimOf(agent, requestId),
      ({ status }) => status !== 'pending',
    )
    const { timeline } = await shown(requestId)
    const decided = timeline.find(({ type }) => type === 'decided')
    const reviews = timeline.filter(({ type }) => type === 'review')
    expect(reviews).toHaveLength(people.length)
    for (const { index, late, people: by } of reviews) {
      const isLate = index > (decided?.index ?? 0)
      expect(late ?? false).toBe(isLate)
      const sub = by[0]?.sub ?? ''
      if (isLate) expect([sub, told[people.indexOf(sub)]]).toEqual([sub, 'ALREADY_DECIDED'])
    }
    const inTime = reviews.filter(({ late }) => !late).flatMap(({ people: by }) => by.map(({ sub }) => sub))
    for (const { sub } of decided?.people ?? []) expect(inTime).toContain(sub)
  }
})

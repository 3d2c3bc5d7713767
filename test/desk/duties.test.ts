import { afterAll, beforeAll, expect, test } from 'vitest'
import { claimOf, consumeOf, eventually, holdAction, newNonce, reviewAs } from '../support/held.ts'
import { attemptOf, type House, startHouse, type TestAgent } from '../support/house.ts'
import { createReviewer, type Reviewer } from '../support/reviewer.ts'

let house: House
let agent: TestAgent
let reviewer: Reviewer
let run: Reviewer['run']
beforeAll(async () => {
  house = await startHouse()
  agent = await house.agent('support-agent')
  reviewer = createReviewer(house)
  run = reviewer.run
})
afterAll(() => house.stop())

const approved = async (name: string) => {
  const held = await holdAction(agent, attemptOf({ name }))
  await reviewAs(house, 'bob', held.requestId)
  return held
}

test('desk - an approval that nobody has used is taken back, and releases nothing any more', async () => {
  const { requestId } = await approved('to_revoke')
  expect(await run(['revoke', requestId.slice(0, 14)], 'carol')).toMatchObject({
    code: 0,
    out: `${requestId} is revoked: its approval releases nothing any more\n`,
  })
  expect(await claimOf(agent, requestId)).toEqual({ status: 'spent', code: 'APPROVAL_REVOKED' })
  const other = await approved('to_revoke_as_json')
  const { out } = await run(['revoke', other.requestId, '--json'], 'bob')
  expect(JSON.parse(out)).toEqual({ requestId: other.requestId, state: 'revoked' })
})

test('desk - whoever may not take it back is told so, and so is whoever comes too early or too late', async () => {
  const { requestId } = await approved('kept')
  expect((await run(['revoke', requestId], 'alice')).err).toContain('SELF_APPROVAL')
  const waiting = await holdAction(agent, attemptOf({ name: 'still_waiting' }))
  expect((await run(['revoke', waiting.requestId], 'carol')).err).toContain('TOO_EARLY')
  const used = await approved('used')
  await consumeOf(agent, used, newNonce())
  const refused = await run(['revoke', used.requestId], 'carol')
  expect(refused).toMatchObject({ code: 1, out: '' })
  expect(refused.err).toContain('ALREADY_SPENT')
  expect(await claimOf(agent, requestId)).toMatchObject({ status: 'approved' })
})

test('desk - what an agent has open ends when it is frozen, and another person lets it act again', async () => {
  const stopped = await house.agent('stopped-agent')
  const waiting = await holdAction(stopped)
  const unused = await holdAction(stopped)
  await reviewAs(house, 'bob', unused.requestId)
  const frozen = await run(['freeze', 'stopped-agent', '--reason', 'incident 4711'], 'bob')
  expect(frozen.out).toMatch(
    /^stopped-agent is frozen since \S+Z: 1 waiting request cancelled, 1 unused approval revoked\n$/,
  )
  expect(frozen).toMatchObject({ code: 0, err: 'Another person ends it: holdpoint thaw stopped-agent\n' })
  const stateOf = async (requestId: string) =>
    (await house.desk.show(house.token('bob'), requestId)).summary.state
  expect(await stateOf(waiting.requestId)).toBe('cancelled')
  expect(await stateOf(unused.requestId)).toBe('revoked')

  const own = await run(['thaw', 'stopped-agent'], 'bob')
  expect(own).toMatchObject({ code: 1, out: '' })
  expect(own.err).toContain('SELF_APPROVAL')
  const thawed = await run(['thaw', 'stopped-agent', '--reason', 'clean', '--json'], 'carol')
  expect(JSON.parse(thawed.out)).toEqual({
    agentId: 'stopped-agent',
    frozen: false,
    sinceMs: expect.any(Number),
    cancelled: 0,
    revoked: 0,
  })
})

test('desk - all are frozen at once', async () => {
  const { out, err } = await run(['freeze', '--all'], 'bob')
  expect(out).toMatch(/^every agent is frozen since /)
  expect(err).toContain('holdpoint thaw --all')
  expect((await run(['thaw', '--all'], 'carol')).out).toMatch(/^every agent may act again, since /)
})

test.each([
  [['freeze', 'support-agent'], 'alice', 'NOT_PERMITTED'],
  [['freeze', 'nobody'], 'bob', 'UNKNOWN_AGENT'],
  [['freeze', 'No Such Agent'], 'bob', 'INVALID_INPUT'],
  [['thaw', 'support-agent'], 'bob', 'NOT_FOUND'],
] as const)('desk - %j by %s is refused with %s, and the agent goes on', async (words, person, code) => {
  const refused = await run([...words], person)
  expect(refused).toMatchObject({ code: 1, out: '' })
  expect(refused.err).toContain(code)
  const { agents } = await house.desk.agents(house.token('bob'))
  expect(agents.find(({ agentId }) => agentId === 'support-agent')).not.toHaveProperty('frozen')
})

test.each([[['freeze']], [['thaw']], [['freeze', 'support-agent', '--all']]])(
  'desk - %j is wrong usage',
  async (words) => {
    const { code, err } = await run(words)
    expect(code).toBe(2)
    expect(err).toContain('give an AGENT, or --all')
    expect(err).toContain(`Try: holdpoint ${words[0]} --help`)
  },
)

test('desk - erasing asks first, and without anybody to ask it needs --yes', async () => {
  const { requestId } = await holdAction(agent, attemptOf({ name: 'to_erase' }))
  await reviewAs(house, 'bob', requestId, 'deny')
  const refused = await run(['erase', requestId], 'bob')
  expect(refused).toMatchObject({ code: 1, out: '' })
  expect(refused.err).toContain('to_erase, asked by support-agent, denied')
  expect(refused.err).toContain('say --yes')
  const asked = reviewer.start(['erase', requestId], { isTty: true })
  asked.press('n\n')
  expect(await asked.ended).toBe(1)
  expect(asked.io.err()).toContain('Erase what it was about?')
  expect(asked.io.err()).toContain('Not erased.')
  expect((await run(['show', requestId])).code).toBe(0)
})

test('desk - what was erased is said to be, with who did it; the list still has it', async () => {
  const { requestId } = await holdAction(agent, attemptOf({ name: 'erased_for_good' }))
  await reviewAs(house, 'bob', requestId, 'deny')
  const { code, out } = await run(['erase', requestId, '--yes'], 'carol')
  expect([code, out]).toEqual([
    0,
    expect.stringMatching(/ was erased at \S+Z: arguments, card and reasons are gone, the ledger is not\n$/),
  ])
  const shown = await run(['show', requestId])
  expect(shown).toMatchObject({ code: 1, out: '' })
  expect(shown.err).toContain('ERASED')
  expect(shown.err).toContain('Carol Chen')
  expect((await run(['list', '--decided', '--search', 'erased_for_good'])).out).toContain(requestId)
  const again = await run(['erase', requestId, '--yes', '--json'], 'carol')
  expect(JSON.parse(again.out)).toEqual({ requestId, erasedAtMs: expect.any(Number) })
})

test.each([
  ['alice', 'NOT_PERMITTED', true],
  ['bob', 'TOO_EARLY', false],
] as const)(
  'desk - erasing by %s is refused with %s, and the card can be read',
  async (person, code, isDone) => {
    const { requestId } = await holdAction(agent, attemptOf({ name: `kept_${person}` }))
    if (isDone) await reviewAs(house, 'carol', requestId, 'deny')
    expect((await run(['erase', requestId, '--yes'], person)).err).toContain(code)
    expect((await run(['show', requestId])).code).toBe(0)
  },
)

test('desk - a review that comes too late stands in the timeline, marked so', async () => {
  const { requestId } = await holdAction(agent, attemptOf({ name: 'late_review' }))
  const shown = await house.desk.show(house.token('carol'), requestId)
  await reviewAs(house, 'bob', requestId, 'deny')
  const late = { requestId, verdict: 'approve', renderHash: shown.renderHash, channel: 'cli' } as const
  await expect(house.desk.review({ ...late, token: house.token('carol') })).rejects.toMatchObject({
    code: 'ALREADY_DECIDED',
  })
  const { out } = await run(['show', requestId])
  expect(out).toContain('Carol Chen (carol) approved, too late to count')
  expect(out.replace(/\n +┆ /g, '')).toContain(
    'approve by Carol Chen (carol, cli, login), too late: without effect',
  )
})

test('desk - who watches hears alarms under their names, and never takes one for a request', async () => {
  const events: unknown[] = []
  const alarms: unknown[] = []
  const stop = house.desk.watch(
    (...event) => events.push(event),
    (alarm, id) => alarms.push([id, alarm.kind, alarm.agentId]),
  )
  await house.agent('alarming-agent')
  await run(['freeze', 'alarming-agent'], 'bob')
  await run(['thaw', 'alarming-agent'], 'carol')
  await eventually(
    async () => alarms,
    ({ length }) => length >= 2,
  )
  stop()
  expect(alarms).toEqual([
    ['frozen.alarming-agent.1', 'frozen', 'alarming-agent'],
    ['thawed.alarming-agent.2', 'thawed', 'alarming-agent'],
  ])
  expect(events).toEqual([])
})

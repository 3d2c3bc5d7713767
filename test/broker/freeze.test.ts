import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AgentsReply, ALARMS, type FreezeReply, type HelloReply } from '#contract'
import { DEVELOPMENT_ISSUER, groupSpecifier } from '#identity'
import { claimOf, codeOf, consumeOf, eventually, holdAction, newNonce, reviewAs } from '../support/held.ts'
import { attemptOf, type House, POLICY, startHouse, type TestAgent } from '../support/house.ts'
import { tokenOf } from '../support/token.ts'

const STOPPERS = `duties: { freeze: [stoppers] }
`
let house: House
let agent: TestAgent
let count = 0
const alarms: { subject: string; alarm: Record<string, unknown> }[] = []

beforeAll(async () => {
  const group = `  stoppers: ['${groupSpecifier(DEVELOPMENT_ISSUER, 'stoppers')}']\n`
  house = await startHouse({ policy: `${POLICY.replace('groups:\n', `groups:\n${group}`)}${STOPPERS}` })
  const watcher = await house.connect('desk')
  watcher.subscribe(ALARMS, {
    callback: (_, message) => void alarms.push({ subject: message.subject, alarm: message.json() }),
  })
  await watcher.flush()
})
afterAll(() => house.stop())

/** An agent of its own for each test: a freeze stays in the ledger. */
async function newAgent(owner: 'alice' | 'carol' = 'alice'): Promise<TestAgent> {
  agent = await house.agent(`agent-${++count}`, { owner })
  await eventually(
    async () =>
      agent.call('hello', { process: agent.process }).then(
        () => true,
        () => false,
      ),
    (isKnown) => isKnown,
  )
  return agent
}

const stopper = (sub: string, claims: object = {}) =>
  tokenOf(house.home, { sub, name: sub, groups: ['stoppers'], ...claims })

async function freeze(
  by: string,
  frozen = true,
  agentId: string | undefined = agent.id,
): Promise<FreezeReply> {
  const token = await stopper(by)
  const target = agentId === '' ? {} : { agentId }
  return house.desk.freeze({ token, frozen, channel: 'cli', reason: 'It went mad.', ...target })
}
const ALL = ''
const hello = () => agent.call<HelloReply>('hello', { process: agent.process })
const ask = () => agent.call('request', { process: agent.process, attempt: attemptOf() })
const agentsOf = async (): Promise<AgentsReply> =>
  house.desk.agents(house.token('bob')) as unknown as Promise<AgentsReply>

test('freeze - whatever a frozen agent asks is refused, and its hello tells it who and since when', async () => {
  await newAgent()
  const before = await holdAction(agent)
  const approved = await holdAction(agent)
  await reviewAs(house, 'bob', approved.requestId)
  const reply = await freeze('dora')
  expect(reply).toEqual({
    agentId: agent.id,
    frozen: true,
    sinceMs: expect.any(Number),
    cancelled: 1,
    revoked: 1,
  })
  const frozen = { sinceMs: reply.sinceMs, by: 'dora' }
  expect(await hello()).toMatchObject({ policy: expect.any(String), frozen })
  expect(await agent.call('heartbeat', { process: agent.process, waiting: [] })).toMatchObject({ frozen })
  expect(await ask()).toMatchObject({ status: 'denied', code: 'AGENT_FROZEN', rule: '' })
  for (const held of [before, approved]) {
    expect(await codeOf(claimOf(agent, held.requestId))).toBe('AGENT_FROZEN')
    expect(await codeOf(consumeOf(agent, held))).toBe('AGENT_FROZEN')
    expect(await agent.call('request', { process: agent.process, attempt: held.attempt })).toMatchObject({
      code: 'AGENT_FROZEN',
    })
  }
})

test('freeze - what it ends, it ends in the name of whoever froze, in the ledger', async () => {
  await newAgent()
  const waiting = await holdAction(agent)
  const approved = await holdAction(agent)
  await reviewAs(house, 'bob', approved.requestId)
  await freeze('dora')
  const last = async (requestId: string) =>
    (await house.desk.show(house.token('bob'), requestId)).timeline.at(-1)
  expect(await last(waiting.requestId)).toMatchObject({ what: 'cancelled', people: [{ sub: 'dora' }] })
  expect(await last(approved.requestId)).toMatchObject({ what: 'revoked', people: [{ sub: 'dora' }] })
  const { entries } = await house.desk.ledger(house.token('bob'))
  expect(entries.map(({ type }) => type)).toContain('freeze')
})

test('freeze - what is consumed already is not undone, and its outcome is still heard', async () => {
  await newAgent()
  const held = await holdAction(agent)
  await reviewAs(house, 'bob', held.requestId)
  const nonce = newNonce()
  await consumeOf(agent, held, nonce)
  expect(await freeze('dora')).toMatchObject({ cancelled: 0, revoked: 0 })
  await agent.call('outcome', { requestId: held.requestId, nonce, outcome: 'executed' })
  expect((await house.desk.show(house.token('bob'), held.requestId)).summary.state).toBe('executed')
})

test('freeze - a second person ends it; then it may ask again, and what was ended stays so', async () => {
  await newAgent()
  const held = await holdAction(agent)
  await freeze('dora')
  expect(await freeze('emil', false)).toMatchObject({ frozen: false, cancelled: 0, revoked: 0 })
  expect(await hello()).not.toHaveProperty('frozen')
  expect(await claimOf(agent, held.requestId)).toMatchObject({ status: 'cancelled' })
  expect(await ask()).toMatchObject({ status: 'held' })
})

test('freeze - whoever froze does not end it, nor does the owner, whatever group they are in', async () => {
  await newAgent('carol')
  await freeze('dora')
  expect(await codeOf(freeze('dora', false))).toBe('SELF_APPROVAL')
  expect(await codeOf(freeze('carol', false))).toBe('SELF_APPROVAL')
  expect(await hello()).toHaveProperty('frozen')
  // Stopping one's own agent is nobody's to forbid.
  await freeze('emil', false)
  expect(await freeze('carol')).toMatchObject({ frozen: true })
})

test.each<[string, object, string]>([
  ['nobody with the duty', { groups: ['sre'] }, 'NOT_PERMITTED'],
  ['somebody in no group', { groups: [] }, 'NOT_PERMITTED'],
  ['a service account', { client_id: 'mallory' }, 'NOT_PERMITTED'],
  ['an agent that acts for somebody', { act: { sub: 'agent' } }, 'UNAUTHENTICATED'],
  ['an expired sign-in', { exp: 1 }, 'UNAUTHENTICATED'],
])('freeze - %s freezes nothing, and ends nothing', async (_, claims, expected) => {
  await newAgent()
  const token = await stopper('mallory', claims)
  const call = { token, channel: 'cli', agentId: agent.id }
  expect(await codeOf(house.desk.freeze({ ...call, frozen: true }))).toBe(expected)
  expect(await hello()).not.toHaveProperty('frozen')
  await freeze('dora')
  expect(await codeOf(house.desk.freeze({ ...call, frozen: false }))).toBe(expected)
  expect(await hello()).toHaveProperty('frozen')
})

test('freeze - an agent that nobody registered, and an end of what is not frozen, are refused', async () => {
  await newAgent()
  expect(await codeOf(freeze('dora', true, 'suport-agent'))).toBe('UNKNOWN_AGENT')
  expect(await codeOf(freeze('dora', true, 'a.b'))).toBe('INVALID_INPUT')
  expect(await codeOf(freeze('dora', false))).toBe('NOT_FOUND')
  await freeze('dora')
  await freeze('emil', false)
  expect(await codeOf(freeze('dora', false))).toBe('NOT_FOUND')
})

test('freeze - two people at the same time are one freeze, and the first of them does not end it', async () => {
  await newAgent()
  const both = await Promise.all([freeze('dora'), freeze('emil')])
  expect(both[0].sinceMs).toBe(both[1].sinceMs)
  const { frozen } = await hello()
  const first = frozen?.by ?? ''
  const second = first === 'dora' ? 'emil' : 'dora'
  expect(await codeOf(freeze(first, false))).toBe('SELF_APPROVAL')
  expect(await freeze(second, false)).toMatchObject({ frozen: false })
})

test('freeze - all agents and one are two freezes: the end of one is not the end of the other', async () => {
  await newAgent()
  await freeze('dora')
  await freeze('dora', true, ALL)
  expect(await agentsOf()).toMatchObject({ frozen: { by: 'dora' } })
  await freeze('emil', false)
  expect(await hello()).toHaveProperty('frozen')
  await freeze('dora')
  await freeze('emil', false, ALL)
  expect(await hello()).toHaveProperty('frozen')
  await freeze('emil', false)
  expect(await hello()).not.toHaveProperty('frozen')
  expect(await agentsOf()).not.toHaveProperty('frozen')
})

test('freeze - the list of agents shows which are', async () => {
  await newAgent()
  const { sinceMs } = await freeze('dora')
  const { agents } = await agentsOf()
  expect(agents.find(({ agentId }) => agentId === agent.id)).toMatchObject({
    frozen: { sinceMs, by: 'dora' },
  })
})

test('freeze - and its end are alarms, once each', async () => {
  await newAgent()
  await freeze('dora')
  await freeze('emil', false)
  const mine = () => alarms.filter(({ subject }) => subject.includes(agent.id))
  await eventually(
    async () => mine(),
    (found) => found.length === 2,
  )
  expect(mine()).toMatchObject([
    { subject: `hp.v1.event.alarm.frozen.${agent.id}.1`, alarm: { agentId: agent.id, by: { sub: 'dora' } } },
    { subject: `hp.v1.event.alarm.thawed.${agent.id}.2`, alarm: { agentId: agent.id, by: { sub: 'emil' } } },
  ])
})

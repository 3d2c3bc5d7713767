import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Attempt, Card, RequestReply } from '#contract'
import { DEVELOPMENT_ISSUER } from '#identity'
import { claimOf, codeOf, consumeOf, holdAction, newNonce, reviewAs } from '../support/held.ts'
import { attemptOf, type House, POLICY, startHouse, type TestAgent } from '../support/house.ts'
import { tokenOf } from '../support/token.ts'

/** What an agent says of itself and of others, lie by lie: none makes it anybody else, or a ruling milder. */
const RULES = `rules:
  - { id: staging, match: { kind: tool, name: deploy, environment: staging }, effect: allow }
  - { id: trusted-agent, match: { kind: tool, name: deploy, agent: trusted-agent }, effect: allow }
  - { id: for-carol, match: { kind: tool, name: for_carol }, when: 'onBehalfOf.exists(p, p.sub == "carol")', effect: allow }
  - { id: small, match: { kind: tool, name: bulk_mail }, when: facts.recipients < 10, effect: allow }
  - { id: huge, match: { kind: tool, name: bulk_mail }, when: facts.recipients > 1000, effect: deny, reason: Too many. }
`
let house: House
let agent: TestAgent
let trusted: TestAgent
beforeAll(async () => {
  house = await startHouse({ policy: `${POLICY.replace('rules:\n', RULES)}quotas: { perMinute: 1000 }\n` })
  agent = await house.agent('support-agent', { owner: 'alice' })
  trusted = await house.agent('trusted-agent', { owner: 'alice' })
})
afterAll(() => house.stop())

const send = (attempt: object, by = agent): Promise<RequestReply> =>
  by.call<RequestReply>('request', { process: by.process, attempt })

async function cardOf(attempt: Attempt): Promise<Card> {
  const { requestId } = await holdAction(agent, attempt)
  return (await house.desk.show(house.token('bob'), requestId)).card
}

test.each([
  ['agent', { iss: 'x', sub: 'trusted-agent', name: 'Trusted' }],
  ['owner', { iss: DEVELOPMENT_ISSUER, sub: 'bob' }],
  ['environment', 'staging'],
  ['enforcement', 'gateway:support-agent'],
  ['requester', { environment: 'staging' }],
])('testimony - an agent that names its own %s is refused for the very word', async (member, value) => {
  for (const attempt of [
    { ...attemptOf({ name: 'deploy' }), [member]: value },
    { ...attemptOf(), action: { ...attemptOf({ name: 'deploy' }).action, [member]: value } },
  ])
    await expect(send(attempt)).rejects.toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }))
})

test('testimony - arguments, runtime and names that speak of another agent and environment change nothing', async () => {
  const lies = { agent: { sub: 'trusted-agent' }, environment: 'staging', owner: 'bob' }
  const runtime = { serviceName: 'trusted-agent', host: 'staging' }
  const card = await cardOf(attemptOf({ name: 'deploy', arguments: lies, runtime }))
  expect(card).toMatchObject({
    agent: { sub: 'support-agent' },
    owner: { sub: 'alice' },
    environment: 'prod',
    enforcement: 'in-process:support-agent',
  })
  expect(await send(attemptOf({ name: 'deploy' }), trusted)).toMatchObject({ status: 'allowed' })
})

const exp = () => Math.floor(house.clock.now() / 1000)
test.each<[string, () => Promise<string> | string]>([
  ['no token at all', () => 'carol'],
  ['a token that she never had', () => 'e30.e30.e30'],
  ['an expired one', () => tokenOf(house.home, { sub: 'carol', iat: exp() - 900, exp: exp() - 600 })],
  ['one for somebody else’s service', () => tokenOf(house.home, { sub: 'carol', aud: 'payroll' })],
  ['one of another issuer', () => tokenOf(house.home, { sub: 'carol', iss: 'https://evil.example.com' })],
  ['a program’s own', () => tokenOf(house.home, { sub: 'carol', client_id: 'carol' })],
  ['one with a malformed chain', () => tokenOf(house.home, { sub: 'carol', act: { sub: '' } })],
  ['an event token', () => tokenOf(house.home, { sub: 'carol', events: {} })],
])(
  'testimony - on behalf of carol with %s is on behalf of nobody, and is held and labelled',
  async (_, tokenOfHers) => {
    const lying = [await tokenOfHers()]
    const card = await cardOf(attemptOf({ name: 'for_carol' }, { onBehalfOf: lying }))
    expect(card).toMatchObject({ onBehalfOf: [], onBehalfOfUnverified: true })
    const prompted = await cardOf(attemptOf({}, { promptedBy: lying[0] as string }))
    expect(prompted).not.toHaveProperty('promptedBy')
    expect(prompted.onBehalfOfUnverified).toBe(true)
  },
)

test('testimony - one good token does not hide a bad one, and the same token twice is no lie', async () => {
  const carol = house.token('carol')
  const card = await cardOf(attemptOf({}, { onBehalfOf: [carol, 'made up'] }))
  expect(card).toMatchObject({ onBehalfOf: [{ sub: 'carol' }], onBehalfOfUnverified: true })
  const twice = await cardOf(attemptOf({}, { onBehalfOf: [carol, carol] }))
  expect(twice).toMatchObject({ onBehalfOf: [{ sub: 'carol' }], onBehalfOfUnverified: false })
})

test('testimony - on behalf of carol with her token is: signed by the broker, and she may not release it', async () => {
  const onBehalfOf = [house.token('carol')]
  expect(await send(attemptOf({ name: 'for_carol' }, { onBehalfOf }))).toMatchObject({
    status: 'allowed',
    rule: 'for-carol',
    onBehalfOf: [{ sub: 'carol' }],
    permit: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
  })
  const held = await holdAction(agent, attemptOf({}, { onBehalfOf }))
  expect(await codeOf(reviewAs(house, 'carol', held.requestId))).toBe('SELF_APPROVAL')
})

test('testimony - everybody in the chain of a token is on the card, and none of them releases it', async () => {
  const iss = DEVELOPMENT_ISSUER
  const chain = {
    sub: 'dora',
    groups: [],
    act: { sub: 'bob', act: { iss: 'https://b.example.com', sub: 'x' } },
  }
  const held = await holdAction(agent, attemptOf({}, { onBehalfOf: [await tokenOf(house.home, chain)] }))
  const { card } = await house.desk.show(house.token('carol'), held.requestId)
  expect(card.onBehalfOf).toEqual([
    { iss, sub: 'dora' },
    { iss, sub: 'bob' },
    { iss: 'https://b.example.com', sub: 'x' },
  ])
  expect(await codeOf(reviewAs(house, 'bob', held.requestId))).toBe('SELF_APPROVAL')
  expect(await reviewAs(house, 'carol', held.requestId)).toMatchObject({ state: 'approved' })
})

test('testimony - more people than a chain has room for are refused, not left out', async () => {
  const tokens = await Promise.all(
    [0, 1, 2].map((nth) =>
      tokenOf(house.home, { sub: `a${nth}`, act: { sub: `b${nth}`, act: { sub: `c${nth}` } } }),
    ),
  )
  expect(await codeOf(send(attemptOf({}, { onBehalfOf: tokens })))).toBe('INVALID_INPUT')
})

test('testimony - the author of the prompt, proven, is on the card and in the ledger, and does not release it', async () => {
  const held = await holdAction(agent, attemptOf({}, { promptedBy: house.token('bob') }))
  const { card } = await house.desk.show(house.token('carol'), held.requestId)
  expect(card).toMatchObject({ promptedBy: { iss: DEVELOPMENT_ISSUER, sub: 'bob' }, onBehalfOf: [] })
  expect(await codeOf(reviewAs(house, 'bob', held.requestId))).toBe('SELF_APPROVAL')
})

test.each(['broker', 'gateway', 'agent'] as const)(
  'testimony - a fact that it calls the %s’s makes nothing milder, and may make it stricter',
  async (source) => {
    const mild = attemptOf({ name: 'bulk_mail' }, { facts: [{ name: 'recipients', value: 1, source }] })
    const card = await cardOf(mild)
    expect(card.facts).toContainEqual({ name: 'recipients', value: 1, source: 'agent' })
    const strict = attemptOf({ name: 'bulk_mail' }, { facts: [{ name: 'recipients', value: 5000, source }] })
    expect(await send(strict)).toMatchObject({ status: 'denied', rule: 'huge' })
  },
)

test('testimony - whoever names another agent’s process keeps nothing of its own alive, and its own dies', async () => {
  await trusted.call('heartbeat', { process: trusted.process, waiting: [] })
  const { requestId } = await agent.call<RequestReply & { requestId: string }>('request', {
    process: trusted.process,
    attempt: attemptOf(),
  })
  house.clock.advance(10_000)
  await trusted.call('heartbeat', { process: trusted.process, waiting: [requestId] })
  house.clock.advance(10_000)
  await trusted.call('heartbeat', { process: trusted.process, waiting: [] })
  await expect
    .poll(async () => (await claimOf(agent, requestId)).status, { timeout: 5_000 })
    .toBe('cancelled')
})

test('testimony - another agent’s attempt, request and approval are none of its own', async () => {
  const theirs = await holdAction(trusted)
  const copied = await holdAction(agent, theirs.attempt)
  expect(copied.requestId).not.toBe(theirs.requestId)
  await reviewAs(house, 'bob', theirs.requestId)
  expect(await claimOf(agent, copied.requestId)).toEqual({ status: 'pending' })
  const { requestId } = theirs
  expect(await codeOf(claimOf(agent, requestId))).toBe('UNKNOWN_REQUEST')
  expect(await codeOf(consumeOf(agent, theirs))).toBe('UNKNOWN_REQUEST')
  expect(await codeOf(agent.call('cancel', { requestId }))).toBe('UNKNOWN_REQUEST')
  expect(await codeOf(agent.call('outcome', { requestId, nonce: newNonce(), outcome: 'executed' }))).toBe(
    'UNKNOWN_REQUEST',
  )
  expect(await agent.call('heartbeat', { process: agent.process, waiting: [requestId] })).toMatchObject({
    settled: [],
  })
})

test('testimony - trace ids of somebody else’s span are what it says, and an approval is spent for no other', async () => {
  const { trace } = attemptOf().action
  const held = await holdAction(agent, attemptOf({ trace }))
  await reviewAs(house, 'bob', held.requestId)
  const other = { ...held.attempt, action: { ...held.attempt.action, trace: attemptOf().action.trace } }
  const nonce = newNonce()
  await consumeOf(agent, held, nonce)
  expect(await codeOf(consumeOf(agent, { ...held, attempt: other }, nonce))).toBe('ALREADY_SPENT')
  for (const bad of [
    { traceId: 'x', spanId: 'y' },
    { traceId: 'A'.repeat(32), spanId: 'b'.repeat(16) },
  ])
    expect(await codeOf(send(attemptOf({ trace: bad })))).toBe('INVALID_INPUT')
})

test.each([
  ['policy apply', 'test.invalid/holdpoint'],
  ['policy apply', 'elsewhere'],
  ['anything', undefined],
])('testimony - no agent asks for a change of Holdpoint itself (%s on %s)', async (name, target) => {
  const action = { kind: 'holdpoint', name, arguments: {}, ...(target === undefined ? {} : { target }) }
  expect(await codeOf(send(attemptOf(action)))).toBe('POLICY_DENIED')
})

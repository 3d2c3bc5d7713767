import { jetstreamManager } from '@nats-io/jetstream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readPin } from '#broker'
import { digestBytes, HoldpointError } from '#contract'
import { verifyCheckpoint } from '#ledger'
import { createTrust } from '#warrant'
import { codeOf, eventually, holdAction, reviewAs } from '../support/held.ts'
import { attemptOf, EPOCH, type House, POLICY, startHouse, type TestAgent } from '../support/house.ts'
import { tokenOf } from '../support/token.ts'

const FACTS = `${POLICY}  - { id: many-rows, match: { kind: tool, name: purge }, when: "facts.rows > 10.0", effect: deny }\n  - { id: few-rows, match: { kind: tool, name: purge }, effect: hold }\n  - { id: at-home, match: { kind: tool, name: tidy, agent: "support-*" }, effect: allow }\n  - { id: lab-only, match: { kind: tool, name: tidy, environment: lab }, effect: allow }\n  - { id: stumble, match: { kind: tool, name: rotate_key }, when: "bool(action.arguments.password)", effect: hold, redact: [/arguments/password] }\n`

let house: House
let agent: TestAgent
let bob: string
beforeAll(async () => {
  house = await startHouse({ policy: FACTS, heartbeatMs: 1_000 })
  agent = await house.agent('support-agent')
  bob = house.token('bob')
})
afterAll(() => house.stop())

describe('every call asks who is signed in', () => {
  const calls = (token: string): [string, () => Promise<unknown>][] => [
    ['list', () => house.desk.list(token)],
    ['show', () => house.desk.show(token, '1-x')],
    ['cancel', () => house.desk.cancel({ requestId: '1-x', channel: 'cli', token })],
    ['policy', () => house.desk.policy(token)],
    ['explain', () => house.desk.explain(token, { action: { kind: 'tool', name: 'x' } })],
    ['agents', () => house.desk.agents(token)],
    ['ledger', () => house.desk.ledger(token)],
    [
      'review',
      () =>
        house.desk.review({
          requestId: '1-x',
          verdict: 'deny',
          renderHash: digestBytes('x'),
          channel: 'cli',
          token,
        }),
    ],
  ]

  test.each<[string, () => Promise<string> | string]>([
    ['no token at all', () => 'x'],
    ['the token of another issuer', () => tokenOf(house.home, { sub: 'bob', iss: 'https://evil.invalid' })],
    ['a token for somebody else', () => tokenOf(house.home, { sub: 'bob', aud: 'grafana' })],
    ['a token of yesterday', () => tokenOf(house.home, { sub: 'bob' }, house.clock.now() - 86_400_000)],
    ['a token of tomorrow', () => tokenOf(house.home, { sub: 'bob' }, house.clock.now() + 86_400_000)],
    ['a token with another signature', () => `${bob.slice(0, bob.lastIndexOf('.'))}.${'A'.repeat(86)}`],
  ])('desk - %s opens none of them', async (_, token) => {
    for (const [name, call] of calls(await token()))
      expect([name, await codeOf(call())]).toEqual([name, 'UNAUTHENTICATED'])
  })

  test('desk - an empty token is refused for its shape, and its value is nowhere', async () => {
    for (const [name, call] of calls(''))
      expect([name, await codeOf(call())]).toEqual([name, 'INVALID_INPUT'])
    const long = 'secret'.repeat(4_000)
    const errors = await Promise.all(calls(long).map(([, call]) => call().catch((error: Error) => error)))
    for (const error of errors) {
      expect(error).toBeInstanceOf(HoldpointError)
      expect((error as Error).message).not.toContain('secret')
    }
  })
})

test('policy - the one in force, as it was signed', async () => {
  const inForce = await house.desk.policy(bob)
  expect(inForce).toMatchObject({ version: 1, source: FACTS, hash: digestBytes(FACTS) })
  expect(inForce.expiresAtMs - inForce.issuedAtMs).toBe(90 * 86_400_000)
})

describe('explain', () => {
  const explain = (question: Parameters<House['desk']['explain']>[1]) => house.desk.explain(bob, question)
  const action = { kind: 'tool', name: 'tidy' }

  test('explain - a request, with its own arguments and facts', async () => {
    const attempt = attemptOf({ name: 'purge' }, { facts: [{ name: 'rows', value: 2, source: 'broker' }] })
    const { requestId } = await holdAction(agent, attempt)
    const { ruling, steps, withAgentFacts, policyVersion } = await explain({ requestId })
    expect(policyVersion).toBe(1)
    expect(ruling).toMatchObject({ effect: 'hold', rule: 'many-rows' })
    // The agent named the broker as the source: it is not believed.
    expect(steps.at(-1)).toMatchObject({ rule: 'many-rows', matched: true })
    expect(withAgentFacts?.at(-1)).toMatchObject({ rule: 'few-rows', matched: true })
  })

  test('explain - what the policy keeps from reviewers is not told by a condition that stumbles over it', async () => {
    const action = { kind: 'tool', name: 'rotate_key', arguments: { password: 'horse: battery' } }
    const { requestId } = await holdAction(agent, attemptOf(action))
    const hidden = await explain({ requestId })
    expect(JSON.stringify(hidden)).not.toMatch(/horse|battery/)
    expect(hidden.steps.at(-1)).toEqual({
      rule: 'stumble',
      matched: true,
      because: 'its condition cannot be evaluated',
    })
    // Whoever makes an action up knows what is in it.
    expect((await explain({ action })).steps.at(-1)?.because).toContain('horse: battery')
  })

  test.each<[string, Parameters<typeof explain>[0], object]>([
    ['what nobody names', { action }, { effect: 'hold', rule: 'defaults' }],
    [
      'an agent that a rule names',
      { action, agentId: 'support-agent' },
      { effect: 'allow', rule: 'at-home' },
    ],
    ['an environment that a rule names', { action, environment: 'lab' }, { rule: 'lab-only' }],
    ['a denial', { action: { kind: 'tool', name: 'drop_all' } }, { effect: 'deny', reason: /change/ }],
    ['arguments', { action: { kind: 'tool', name: 'lookup_x', arguments: [1] } }, { effect: 'allow' }],
  ])('explain - %s', async (_, question, expected) => {
    const { ruling, steps } = await explain(question)
    const { reason, ...rest } = expected as { reason?: RegExp }
    expect(ruling).toMatchObject(rest)
    if (reason) expect(ruling.reason).toMatch(reason)
    expect(steps.at(-1)).toMatchObject({ rule: ruling.rule, matched: true, because: expect.any(String) })
    expect(steps.slice(0, -1).every(({ matched }) => !matched)).toBe(true)
  })

  test.each<[string, Parameters<typeof explain>[0], string, RegExp]>([
    ['nothing', {}, 'INVALID_INPUT', /requestId and action/],
    ['both', { requestId: '1-x', action }, 'INVALID_INPUT', /requestId and action/],
    [
      'a request in another environment',
      { requestId: '1-x', environment: 'lab' },
      'INVALID_INPUT',
      /environment/,
    ],
    ['a request of another agent', { requestId: '1-x', agentId: 'x' }, 'INVALID_INPUT', /agentId/],
    ['a request that there is not', { requestId: '1-x' }, 'UNKNOWN_REQUEST', /1-x/],
    ['an agent that there is not', { action, agentId: 'nobody' }, 'UNKNOWN_AGENT', /nobody/],
    ['a kind that is none', { action: { kind: 'Tool', name: 'x' } }, 'INVALID_INPUT', /action\.kind/],
    ['a fact of one’s own', { action: { ...action, facts: [] } as never }, 'INVALID_INPUT', /facts/],
  ])('explain - %s is refused', async (_, question, code, message) => {
    await expect(explain(question)).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
  })
})

test('agents - every registration, who answers for it, what lives, and how its requests went', async () => {
  const worker = await house.agent('worker', { owner: 'carol', environment: 'lab' })
  const quiet = await house.agent('quiet')
  const { requestId } = await holdAction(worker)
  await reviewAs(house, 'bob', requestId, 'deny')
  const approved = await holdAction(worker)
  await reviewAs(house, 'bob', approved.requestId)
  const cancelled = await holdAction(worker)
  await worker.call('cancel', { requestId: cancelled.requestId })
  await holdAction(worker)
  await worker.call('heartbeat', { process: 'another-process', waiting: [] })

  const seen = async () => {
    const { agents } = await house.desk.agents(bob)
    expect(agents.map(({ agentId }) => agentId)).toEqual(['policy-apply', 'quiet', 'support-agent', 'worker'])
    return Object.fromEntries(agents.map((one) => [one.agentId, one]))
  }
  const first = await seen()
  expect(first.worker).toEqual({
    agentId: 'worker',
    name: 'worker',
    owner: { iss: expect.any(String), sub: 'carol' },
    environment: 'lab',
    enforcement: 'in-process',
    registeredAtMs: expect.any(Number),
    processes: 2,
    heardAtMs: expect.any(Number),
    pending: 1,
    requests: 4,
    approved: 1,
    denied: 1,
  })
  expect(first[quiet.id]).toMatchObject({ processes: 0, requests: 0, pending: 0, approved: 0, denied: 0 })
  expect(first[quiet.id]).not.toHaveProperty('heardAtMs')

  // Its processes fall silent: nobody lives, and when it was last heard is still known.
  house.clock.advance(4_000)
  const later = await seen()
  expect(later.worker).toMatchObject({ processes: 0, heardAtMs: first.worker?.heardAtMs })
})

test('ledger - its size, its newest checkpoint and its newest entries', async () => {
  for (let at = 0; at < 51; at++) await holdAction(agent)
  const { streams } = await jetstreamManager(await house.connect('admin'))
  const { state } = await streams.info(`HP_LEDGER_${EPOCH}`)
  const ledger = await eventually(
    () => house.desk.ledger(bob),
    ({ size, checkpoint }) => size === state.last_seq && checkpoint?.size === size,
  )
  expect(ledger).toMatchObject({ epoch: EPOCH, origin: 'test.invalid/holdpoint' })
  const { keys } = await house.desk.trust()
  const { note = '', root } = ledger.checkpoint ?? {}
  const verified = verifyCheckpoint(note, { origin: ledger.origin, keys })
  expect(verified).toMatchObject({ size: ledger.size })
  expect(note.split('\n')[2]).toBe(root)

  expect(ledger.entries).toHaveLength(50)
  expect(ledger.entries.map(({ index }) => index)).toEqual(
    Array.from({ length: 50 }, (_, at) => ledger.size - 1 - at),
  )
  expect(ledger.entries[0]).toEqual({
    index: ledger.size - 1,
    type: 'requested',
    atMs: expect.any(Number),
    requestId: expect.any(String),
    leaf: expect.stringMatching(/^[\w+/]{43}=$/),
  })
})

test('trust - public keys for everybody, led back to the pin', async () => {
  const { origin, keySet, keys } = await house.desk.trust()
  const trust = createTrust({ pin: readPin(house.home) }, { now: house.clock.now })
  expect(trust.adoptKeySet(keySet)).toMatchObject({ origin, keys })
  expect(keys.map(({ use }) => use).sort()).toEqual(['broker', 'ledger', 'policy', 'registry'])
})

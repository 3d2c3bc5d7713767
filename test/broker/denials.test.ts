import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Attempt, Denial, RequestReply } from '#contract'
import { codeOf, eventually, holdAction, reviewAs } from '../support/held.ts'
import { attemptOf, type House, POLICY, startHouse, type TestAgent } from '../support/house.ts'

let house: House
let agent: TestAgent
beforeAll(async () => {
  const rules = `rules:
  - { id: short, match: { kind: tool, name: short_memory }, effect: hold, rememberDenial: 1m }
  - { id: often, match: { kind: tool, name: guessing }, when: facts.recent_denials >= 2, effect: deny, reason: Denied twice. }
`
  house = await startHouse({
    policy: `${POLICY.replace('rules:\n', rules)}quotas: { denialsPerHour: 100 }\n`,
  })
  agent = await house.agent('support-agent')
})
afterAll(() => house.stop())

const ask = (attempt: Attempt, by = agent): Promise<RequestReply> =>
  by.call<RequestReply>('request', { process: by.process, attempt })

/** The same action in another call, of another process' turn and with other words. */
const again = ({ action }: Attempt, more: Partial<Attempt['action']> = {}): Attempt =>
  attemptOf({ ...action, trace: attemptOf().action.trace, ...more }, { statement: 'Really, please.' })

async function denied(action: Partial<Attempt['action']> = {}, reason?: string): Promise<Attempt> {
  const held = await holdAction(agent, attemptOf(action))
  await reviewAs(house, 'bob', held.requestId, 'deny', reason)
  return held.attempt
}

test('denials - the same action again is refused with the former denial’s name, reason and request, and nobody is asked', async () => {
  const held = await holdAction(agent, attemptOf({ target: 'db/crm' }))
  await reviewAs(house, 'bob', held.requestId, 'deny', 'Use the masked export.')
  const { total } = await house.desk.list(house.token('bob'), { state: 'all' })
  expect(await ask(again(held.attempt))).toEqual({
    status: 'denied',
    code: 'APPROVAL_DENIED',
    reason: 'Bob Berger denied the same action before: Use the masked export.',
    rule: 'defaults',
    requestId: held.requestId,
  } satisfies Denial)
  expect((await house.desk.list(house.token('bob'), { state: 'all' })).total).toBe(total)
})

test('denials - the order in which an argument object is written does not make it another action', async () => {
  const attempt = await denied({ arguments: { a: { x: 1, y: [1, 2] }, b: 'z' } })
  expect(await ask(again(attempt, { arguments: { b: 'z', a: { y: [1, 2], x: 1 } } }))).toMatchObject({
    code: 'APPROVAL_DENIED',
  })
})

test('denials - its host, its version and its trace do not make it another action either', async () => {
  const attempt = await denied()
  const runtime = { serviceName: 'other', serviceVersion: '9', host: 'host-2' }
  expect(await ask(again(attempt, { runtime }))).toMatchObject({ code: 'APPROVAL_DENIED' })
})

test.each<[string, Partial<Attempt['action']>]>([
  ['other arguments', { arguments: { rows: 5 } }],
  ['the same arguments in another order of a list', { arguments: [2, 1] }],
  ['another target', { target: 'db/other' }],
  ['no target', {}],
  ['another name', { name: 'export_invoices', target: 'db/crm' }],
  ['another kind', { kind: 'mcp', target: 'db/crm' }],
  [
    'another precondition',
    { target: 'db/crm', runtime: { serviceName: 's', host: 'h', precondition: 'etag-2' } },
  ],
  [
    'another working folder',
    { target: 'db/crm', runtime: { serviceName: 's', host: 'h', cwdDigest: 'sha-256:1' } },
  ],
])('denials - %s are for people to judge anew', async (_, change) => {
  const base = { name: 'export_customers', target: 'db/crm', arguments: [1, 2] }
  // Denied once; from then on the memory answers.
  const first = await ask(attemptOf(base))
  if (first.status === 'held') await reviewAs(house, 'bob', first.requestId, 'deny')
  const { target: _target, ...withoutTarget } = base
  const changed = Object.keys(change).length === 0 ? withoutTarget : { ...base, ...change }
  const reply = await ask(attemptOf(changed))
  expect(reply.status).toBe('held')
  if (reply.status === 'held') await agent.call('cancel', { requestId: reply.requestId })
  expect(await ask(attemptOf(base))).toMatchObject({ code: 'APPROVAL_DENIED' })
})

test('denials - another agent, or the same in another environment, was not denied anything', async () => {
  const attempt = await denied()
  const other = await house.agent('other-agent')
  expect(await ask(again(attempt), other)).toMatchObject({ status: 'held' })
  await house.agent('support-agent', { environment: 'staging' })
  const inStaging = await eventually(
    () => ask(again(attempt)),
    ({ status }) => status === 'held',
  )
  expect(inStaging).toMatchObject({ status: 'held' })
  await house.agent('support-agent')
  await eventually(
    () => ask(again(attempt)),
    ({ status }) => status === 'denied',
  )
})

test('denials - what was cancelled or has expired was not denied', async () => {
  const cancelled = await holdAction(agent)
  await agent.call('cancel', { requestId: cancelled.requestId })
  expect(await ask(again(cancelled.attempt))).toMatchObject({ status: 'held' })

  const expired = await holdAction(agent)
  house.clock.advance(16 * 60_000)
  await eventually(
    () => agent.call<{ status: string }>('claim', { requestId: expired.requestId }),
    ({ status }) => status === 'expired',
  )
  const reply = await ask(again(expired.attempt))
  expect(reply).toMatchObject({ status: 'held' })
})

test('denials - are remembered for as long as the rule said when it was asked', async () => {
  const attempt = await denied({ name: 'short_memory' })
  house.clock.advance(59_000)
  expect(await ask(again(attempt))).toMatchObject({ code: 'APPROVAL_DENIED' })
  house.clock.advance(2_000)
  expect(await ask(again(attempt))).toMatchObject({ status: 'held' })
})

test('denials - the known attempt itself attaches to its request, which says denied', async () => {
  const attempt = await denied()
  const reply = await ask(attempt)
  expect(reply).toMatchObject({ status: 'held' })
  if (reply.status === 'held')
    expect(await agent.call('claim', { requestId: reply.requestId })).toMatchObject({ status: 'denied' })
})

test('denials - how many there were of late is a fact of the broker, on the card and for rules', async () => {
  const held = await holdAction(agent, attemptOf({ name: 'guessing' }))
  const facts = async (requestId: string) => (await house.desk.show(house.token('bob'), requestId)).card.facts
  expect(await facts(held.requestId)).toEqual([{ name: 'recent_denials', value: 0, source: 'broker' }])
  await reviewAs(house, 'bob', held.requestId, 'deny')
  await denied({ name: 'guessing', target: 'elsewhere' })
  const second = await holdAction(agent, attemptOf({ name: 'guessing' }))
  expect(await facts(second.requestId)).toEqual([{ name: 'recent_denials', value: 1, source: 'broker' }])
  await reviewAs(house, 'bob', second.requestId, 'deny')
  expect(await ask(attemptOf({ name: 'guessing' }))).toMatchObject({ code: 'POLICY_DENIED', rule: 'often' })
  expect(await ask(attemptOf({ name: 'guessing', target: 'elsewhere' }))).toMatchObject({ status: 'held' })
})

test.each(['broker', 'gateway', 'agent'] as const)(
  'denials - an agent that calls it a %s fact does not talk them away',
  async (source) => {
    const target = `db/${source}`
    for (let nth = 0; nth < 2; nth++) await denied({ name: 'guessing', target })
    const facts = [{ name: 'recent_denials', value: 0, source }]
    const attempt = attemptOf({ name: 'guessing', target }, { facts })
    expect(await ask(attempt)).toMatchObject({ code: 'POLICY_DENIED', rule: 'often' })
    const held = await holdAction(agent, attemptOf({ name: 'export_other', target }, { facts }))
    expect((await house.desk.show(house.token('bob'), held.requestId)).card.facts).toEqual([
      { name: 'recent_denials', value: 0, source: 'broker' },
      { name: 'recent_denials', value: 0, source: 'agent' },
    ])
  },
)

test('denials - another replica, and a broker that was started again, remember the same', async () => {
  const attempt = await denied({}, 'No.')
  const expected = await ask(again(attempt))
  expect(expected).toMatchObject({ code: 'APPROVAL_DENIED' })
  const first = house.broker()
  await house.startBroker()
  await first.stop()
  expect(await ask(again(attempt))).toEqual(expected)
  expect(await codeOf(agent.call('claim', { requestId: '1-x' }))).toBe('UNKNOWN_REQUEST')
})

import { afterAll, beforeAll, expect, test } from 'vitest'
import { publishTrust, signDirectory } from '#broker'
import { DEVELOPMENT_ISSUER } from '#identity'
import { codeOf, eventually, holdAction, reviewAs } from '../support/held.ts'
import { type House, POLICY, startHouse, type TestAgent } from '../support/house.ts'
import { changeAttempt, changeRequest, policyAgentOf, policyAllowing } from '../support/policy-changes.ts'
import { tokenOf } from '../support/token.ts'

const WANTED = policyAllowing('find')

let house: House
let agent: TestAgent
let shop: TestAgent

beforeAll(async () => {
  house = await startHouse({ policyChanges: 'held' })
  agent = await policyAgentOf(house)
  shop = await house.agent('shop', { owner: 'alice' })
})
afterAll(() => house.stop())

const call = (by: TestAgent, attempt: unknown) => by.call('request', { process: by.process, attempt })

async function forged(
  what: Partial<Record<'hidden' | 'toHash' | 'fromVersion' | 'target' | 'name' | 'kind', true>>,
) {
  const attempt = await changeAttempt(house, WANTED)
  const change = attempt.action.arguments as { diff: string; toHash: string; fromVersion: number }
  if (what.hidden) change.diff = change.diff.replace('find_*', 'lookup_*')
  if (what.toHash) change.toHash = `sha-256:${'0'.repeat(64)}`
  if (what.fromVersion) change.fromVersion = 7
  if (what.target) attempt.action.target = 'elsewhere.invalid/holdpoint'
  if (what.name) attempt.action.name = 'policy read'
  if (what.kind) attempt.action.kind = 'tool'
  return attempt
}

const notAsked: [what: string, ask: () => Promise<unknown>, code: string][] = [
  [
    'in nobody’s name',
    async () => call(agent, await changeAttempt(house, WANTED, { onBehalfOf: [] })),
    'POLICY_DENIED',
  ],
  [
    'in the name of somebody whose token proves nothing',
    async () => call(agent, await changeAttempt(house, WANTED, { onBehalfOf: ['a.b.c'] })),
    'POLICY_DENIED',
  ],
  ['by another agent', async () => call(shop, await changeAttempt(house, WANTED)), 'POLICY_DENIED'],
  [
    'with a difference that hides a line',
    async () => call(agent, await forged({ hidden: true })),
    'INVALID_INPUT',
  ],
  ['with the hash of another text', async () => call(agent, await forged({ toHash: true })), 'INVALID_INPUT'],
  [
    'from a policy that is not in force',
    async () => call(agent, await forged({ fromVersion: true })),
    'STALE',
  ],
  ['with no difference', async () => call(agent, await changeAttempt(house, POLICY)), 'INVALID_INPUT'],
  [
    'to what is no policy',
    async () => call(agent, await changeAttempt(house, 'holdpoint: 7\n')),
    'INVALID_POLICY',
  ],
  ['for another house', async () => call(agent, await forged({ target: true })), 'POLICY_DENIED'],
  ['under another name', async () => call(agent, await forged({ name: true })), 'POLICY_DENIED'],
  ['as any other kind of action', async () => call(agent, await forged({ kind: true })), 'POLICY_DENIED'],
]
test.each(notAsked)('policy - a change %s is put to nobody', async (_, ask, code) => {
  expect(await codeOf(ask())).toBe(code)
})

test('policy - no line of a change is kept from those who judge it', async () => {
  const line =
    '  - { id: open, match: { kind: http, name: "x" }, effect: deny, reason: "password: hunter2-Xk29fPq0Zr" }'
  const held = await changeRequest(house, agent, `${POLICY.trimEnd()}\n${line}\n`, 'pending')
  const { card } = await house.desk.show(house.token('bob'), held.requestId)
  expect((card.action.arguments as { diff: string }).diff).toContain(`+${line}\n`)
  expect(card.redacted).toEqual([])
})

test('policy - whoever asks for a change cannot release it, and nobody outside the duty can', async () => {
  const held = await changeRequest(house, agent, policyAllowing('look'), 'pending')
  expect(await codeOf(reviewAs(house, 'alice', held.requestId))).toMatch(/SELF_APPROVAL|NOT_A_REVIEWER/)
  const asBob = await changeAttempt(house, policyAllowing('see'), { onBehalfOf: [house.token('bob')] })
  const ofBob = await holdAction(agent, asBob)
  expect(await codeOf(reviewAs(house, 'bob', ofBob.requestId))).toBe('SELF_APPROVAL')
})

test('policy - a change in the name of a program is put to nobody: behind it nobody knows who wrote it', async () => {
  const by = async (claims: Parameters<typeof tokenOf>[1]) => {
    const token = await tokenOf(house.home, claims, house.clock.now())
    return call(agent, await changeAttempt(house, policyAllowing('hear'), { onBehalfOf: [token] }))
  }
  expect(await codeOf(by({ sub: 'ci', client_id: 'ci' }))).toBe('POLICY_DENIED')
  const source = `services: ["${DEVELOPMENT_ISSUER}#robot"]\n`
  signDirectory(house.home, source, 'directory.yaml', house.clock.now())
  await publishTrust(await house.connect('admin'), house.home, house.clock.now())
  await eventually(
    async () => house.lines.some((line) => line.includes('directory of people is in force')),
    Boolean,
  )
  // The provider says nothing of it: the directory does.
  expect(await codeOf(by({ sub: 'robot' }))).toBe('POLICY_DENIED')
  expect(await by({ sub: 'alice' })).toMatchObject({ status: 'held' })
})

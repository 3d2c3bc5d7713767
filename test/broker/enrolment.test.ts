import {
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  FILES,
  type Home,
  initialise,
  openHome,
  readKeySet,
  readPin,
  registerAgent,
  signPolicy,
} from '#broker'
import { createTrust } from '#warrant'
import { codeOf } from '../support/held.ts'

const DAY = 86_400_000
const NOW = 1_800_000_000_000
const POLICY = 'holdpoint: 1\nmode: enforce\ndefaults: { effect: deny }\n'
const LOOSER = 'holdpoint: 1\nmode: enforce\ndefaults: { effect: allow }\n'
const owner = { iss: 'https://idp.invalid', sub: 'alice' }

let made: string
let dir: string
let home: Home
beforeAll(async () => {
  made = mkdtempSync(join(tmpdir(), 'holdpoint-enrolled-'))
  await init(NOW, undefined, made)
})
afterAll(() => rmSync(made, { recursive: true, force: true }))
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'holdpoint-enrolment-'))
  home = openHome(join(dir, 'data'))
  cpSync(made, dir, { recursive: true })
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const init = (nowMs = NOW, origin = 'test.invalid/holdpoint', at = dir) =>
  initialise(openHome(join(at, 'data')), {
    origin,
    policyFile: join(at, 'policy.yaml'),
    groups: { reviewers: 'oidc:https://idp.invalid#group/sre' },
    nowMs,
  })
const SECRETS = [
  FILES.organisation,
  FILES.brokerKey,
  FILES.ledgerKey,
  FILES.policyKey,
  FILES.registryKey,
  FILES.brokerSecret,
  FILES.natsKeys,
  FILES.credentials('broker'),
  FILES.credentials('desk'),
  FILES.credentials('channel'),
  FILES.credentials('pipeline'),
  FILES.credentials('admin'),
  FILES.credentials('doctor'),
]
const agent = (change: Partial<Parameters<typeof registerAgent>[1]> = {}) =>
  ({ agentId: 'support-agent', owner, environment: 'prod', enforcement: 'in-process', ...change }) as const

/** A verifier that has adopted the key set of this data folder. */
function verifier(nowMs = NOW) {
  const trust = createTrust({ pin: readPin(home) }, { now: () => nowMs })
  trust.adoptKeySet(home.read(FILES.keySet))
  return trust
}

test('init - a second time keeps every key, credential, document and the policy', async () => {
  const all = () => [...SECRETS, FILES.pin, FILES.keySet].map((file) => home.read(file))
  writeFileSync(join(dir, 'policy.yaml'), 'mine\n')
  const before = all()
  await init(NOW + DAY)
  expect(all()).toEqual(before)
  expect(readFileSync(join(dir, 'policy.yaml'), 'utf8')).toBe('mine\n')
})

test('init - a folder from before a role gets that role, and keeps all the others', async () => {
  const others = () =>
    SECRETS.filter((file) => !/channel|nats\.json/.test(file)).map((file) => home.read(file))
  const readKeys = () => JSON.parse(home.read(FILES.natsKeys)) as { roles: Record<string, string> }
  const [before, { roles, ...keys }] = [others(), readKeys()]
  const { channel: _, ...older } = roles
  home.write(FILES.natsKeys, JSON.stringify({ ...keys, roles: older }))
  rmSync(home.path(FILES.credentials('channel')))
  await init()
  expect(others()).toEqual(before)
  expect(readKeys()).toEqual({ ...keys, roles: { ...older, channel: expect.stringMatching(/^SA/) } })
  expect(home.read(FILES.credentials('channel'))).toContain('NATS USER JWT')
  expect(scopedRoles()).toEqual(['admin', 'agent', 'broker', 'channel', 'desk', 'pipeline'])
})

/** The roles that the account in the server's configuration knows. */
function scopedRoles(): string[] {
  const tokens = home.read(FILES.natsOperator).match(/\S+\.\S+\.\S+/g) ?? []
  const claims = tokens.map((jwt) => JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()))
  const account = claims.find(({ name }) => name === 'HOLDPOINT')
  return account.nats.signing_keys.map(({ role }: { role: string }) => role).sort()
}

test('init - every secret is readable by its owner alone, whatever the umask, and none stands in another', async () => {
  for (const file of SECRETS)
    expect(`${file} ${(statSync(home.path(file)).mode & 0o777).toString(8)}`).toBe(`${file} 600`)
  for (const folder of ['', 'keys', 'credentials', 'trust', 'nats'])
    expect(`${folder} ${(statSync(home.path(folder)).mode & 0o777).toString(8)}`).toBe(`${folder} 700`)
  chmodSync(home.path(FILES.natsOperator), 0o644)
  await init()
  expect(statSync(home.path(FILES.natsOperator)).mode & 0o777).toBe(0o600)
  const published = [FILES.pin, FILES.keySet, FILES.natsOperator].map((file) => home.read(file)).join()
  for (const file of SECRETS.slice(0, 6)) expect(published).not.toContain(home.read(file).trim())
})

test('init - with the organisation key in its safe, everything that needs it not goes on, under the same pin', async () => {
  const before = [readPin(home), home.read(FILES.keySet)]
  rmSync(home.path(FILES.organisation))
  await init(NOW + DAY)
  await init(NOW + 350 * DAY)
  expect([readPin(home), home.read(FILES.keySet)]).toEqual(before)
  expect(existsSync(home.path(FILES.organisation))).toBe(false)
  await registerAgent(home, agent(), NOW + DAY)
  expect(signPolicy(home, POLICY, 'policy.yaml', NOW + DAY).version).toBe(1)
})

test('init - where the organisation key is needed and away, it says so and changes nothing', async () => {
  const before = [readPin(home), home.read(FILES.keySet)]
  rmSync(home.path(FILES.organisation))
  await expect(init(NOW + 400 * DAY)).rejects.toThrow(/organisation\.seed/)
  expect([readPin(home), home.read(FILES.keySet)]).toEqual(before)
})

test('init - what is there keeps its origin, whatever is asked for afterwards', async () => {
  const before = home.read(FILES.keySet)
  expect((await init(NOW + DAY, 'other.invalid/origin')).origin).toBe('test.invalid/holdpoint')
  expect(home.read(FILES.keySet)).toBe(before)
})

test('init - an organisation key that is not the pinned one signs nothing', async () => {
  const keySet = home.read(FILES.keySet)
  const pin = readPin(home)
  writeFileSync(home.path(FILES.organisation), Buffer.alloc(32, 7).toString('base64url'))
  expect(await codeOf(init(NOW + 350 * DAY))).toBe('UNTRUSTED')
  expect([readPin(home), home.read(FILES.keySet)]).toEqual([pin, keySet])
})

test.each([
  ['a month before it expires', 340],
  ['long after it expired', 1_000],
])('init - a key set is renewed %s, as the next version', async (_, days) => {
  const first = readKeySet(home, NOW)
  const second = await init(NOW + days * DAY)
  expect(second).toMatchObject({ version: first.version + 1, keys: first.keys, origin: first.origin })
  expect(readKeySet(home, NOW + days * DAY)).toEqual(second)
})

test('init - a key that was lost gets a successor in the next version of the key set', async () => {
  const first = readKeySet(home, NOW)
  rmSync(home.path(FILES.brokerKey))
  const second = await init()
  expect(second.version).toBe(first.version + 1)
  expect(second.keys.filter(({ use }) => use === 'broker')).not.toEqual(
    first.keys.filter(({ use }) => use === 'broker'),
  )
})

test.each([
  '',
  '.',
  'a.b',
  'a b',
  'A',
  'agent*',
  '>',
  '../agent',
  'agent/x',
  '-agent',
  'a'.repeat(64),
  'agent\n',
  'ägent',
])('agent add - the name %j is refused, and nothing is written', async (agentId) => {
  expect(await codeOf(registerAgent(home, agent({ agentId }), NOW))).toBe('INVALID_INPUT')
  expect(home.list(FILES.registrations)).toEqual(['policy-apply.jws'])
  expect(home.list('agents')).toEqual(['policy-apply.creds'])
})

test('agent add - nobody else is called as the agent is that asks for changes of the policy', async () => {
  const before = home.read(FILES.registration('policy-apply'))
  expect(await codeOf(registerAgent(home, agent({ agentId: 'policy-apply' }), NOW))).toBe('INVALID_INPUT')
  expect(home.read(FILES.registration('policy-apply'))).toBe(before)
})

// Inboxes are named for who reads them: an agent called `desk` would read what the broker answers to reviewers.
test.each(['broker', 'desk', 'channel', 'pipeline', 'admin'])(
  'agent add - an agent cannot be called %s: it would share the inbox of that role',
  async (agentId) => {
    expect(await codeOf(registerAgent(home, agent({ agentId }), NOW))).toBe('INVALID_INPUT')
    expect(home.has(FILES.agentCredentials(agentId))).toBe(false)
  },
)

test.each<[string, Partial<ReturnType<typeof agent>>]>([
  ['no environment', { environment: '' }],
  ['an owner without subject', { owner: { iss: 'https://idp.invalid', sub: '' } }],
  ['a name without end', { name: 'n'.repeat(501) }],
  ['an enforcement point of its own making', { enforcement: 'imaginary' as never }],
])('agent add - with %s nothing is signed', async (_, change) => {
  expect(await codeOf(registerAgent(home, agent(change as never), NOW))).toBe('INVALID_INPUT')
  expect(home.list(FILES.registrations)).toEqual(['policy-apply.jws'])
})

test('agent add - again it keeps the credentials, and the newer registration counts even when the clock went back', async () => {
  await registerAgent(home, agent(), NOW)
  const [first, credentials] = [
    home.read(FILES.registration('support-agent')),
    home.read(FILES.agentCredentials('support-agent')),
  ]
  const trust = verifier()
  trust.verifyRegistration(first)
  for (const nowMs of [NOW, NOW - 20_000]) {
    await registerAgent(home, agent({ environment: `env-${nowMs}` }), nowMs)
    expect(trust.verifyRegistration(home.read(FILES.registration('support-agent')))).toMatchObject({
      environment: `env-${nowMs}`,
    })
  }
  expect(home.read(FILES.agentCredentials('support-agent'))).toBe(credentials)
  expect(() => trust.verifyRegistration(first)).toThrow(/older/)
  expect(statSync(home.path(FILES.agentCredentials('support-agent'))).mode & 0o777).toBe(0o600)
})

test.each([
  ['no YAML', '{'],
  ['an unknown key', `${POLICY}colour: red\n`],
  [
    'a condition that is no CEL',
    `${POLICY}rules: [{ id: a, match: { kind: tool }, when: "1 +", effect: allow }]\n`,
  ],
  [
    'a group that is not there',
    `${POLICY}rules: [{ id: a, match: { kind: tool }, effect: hold, approvals: { from: [nobody] } }]\n`,
  ],
  ['nothing in it', ''],
])('policy publish - a policy with %s signs nothing', async (_, source) => {
  signPolicy(home, POLICY, 'policy.yaml', NOW)
  const before = home.read(FILES.policy)
  expect(await codeOf((async () => signPolicy(home, source, 'policy.yaml', NOW))())).toBe('INVALID_POLICY')
  expect(home.read(FILES.policy)).toBe(before)
})

test('policy publish - versions only grow, the same text keeps its own until renewal, and gates refuse an older one', async () => {
  expect(signPolicy(home, LOOSER, 'policy.yaml', NOW).version).toBe(1)
  const older = home.read(FILES.policy)
  expect(signPolicy(home, LOOSER, 'policy.yaml', NOW + DAY).version).toBe(1)
  expect(signPolicy(home, POLICY, 'policy.yaml', NOW + DAY).version).toBe(2)
  expect(signPolicy(home, POLICY, 'policy.yaml', NOW + 70 * DAY).version).toBe(3)
  const trust = verifier(NOW + DAY)
  trust.verifyPolicy(older)
  signPolicy(home, LOOSER, 'policy.yaml', NOW + DAY)
  trust.verifyPolicy(home.read(FILES.policy))
  expect(() => trust.verifyPolicy(older)).toThrow(/older/)
})

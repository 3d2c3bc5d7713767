import { jetstream } from '@nats-io/jetstream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { FILES, publishTrust, readKey, readKeySet, signDirectory } from '#broker'
import { type Directory, TYP, trustSubject } from '#contract'
import { DEVELOPMENT_ISSUER } from '#identity'
import { generateKey, loadKey, signDocument } from '#warrant/issue'
import { claimOf, codeOf, eventually, holdAction, reviewAs } from '../support/held.ts'
import { attemptOf, type House, POLICY, startHouse, type TestAgent } from '../support/house.ts'
import { tokenOf } from '../support/token.ts'

const DAY = 86_400_000
/** alice, bob and carol have a second account each; the robot has a person's token. */
const DIRECTORY = `
people:
  alice: ["${DEVELOPMENT_ISSUER}#alice", "${DEVELOPMENT_ISSUER}#alice-admin"]
  bob: ["${DEVELOPMENT_ISSUER}#bob", "${DEVELOPMENT_ISSUER}#bob-admin"]
  carol: ["${DEVELOPMENT_ISSUER}#carol", "https://other.invalid#carol"]
services: ["${DEVELOPMENT_ISSUER}#robot"]
`
const FREEZING = POLICY.replace('rules:', 'duties: { freeze: [sre], erase: [sre] }\nrules:')
let house: House
let agent: TestAgent
/** One house for all: each test takes up where the one before it left the directory. */
beforeAll(async () => {
  house = await startHouse({ policy: FREEZING })
  agent = await house.agent('support-agent')
})
afterAll(() => house.stop())

const logged = (...words: string[]) =>
  eventually(
    async () => house.lines.filter((line) => words.every((word) => line.includes(word))).length,
    (count) => count > 0,
  )
async function publish(source = DIRECTORY): Promise<Directory> {
  const directory = signDirectory(house.home, source, 'directory.yaml', house.clock.now())
  await publishTrust(await house.connect('admin'), house.home, house.clock.now())
  await logged('directory of people is in force', `"version":${directory.version},`)
  return directory
}
const account = (sub: string): Promise<string> =>
  tokenOf(house.home, { sub, name: sub, groups: ['sre'] }, house.clock.now())
async function review(sub: string, requestId: string, verdict: 'approve' | 'deny' = 'approve') {
  const token = await account(sub)
  const { renderHash } = await house.desk.show(token, requestId)
  return house.desk.review({ requestId, verdict, renderHash, channel: 'cli', token })
}
const hold = (name = 'export_customers') => holdAction(agent, attemptOf({ name }))

test('people - without a directory every account is a person of its own', async () => {
  const { requestId } = await hold('wire_money')
  expect(await review('bob', requestId)).toEqual({ state: 'pending', missing: 1 })
  expect(await review('bob-admin', requestId)).toMatchObject({ state: 'approved' })
})

test('people - a directory that comes between two accounts’ reviews undoes the second', async () => {
  const { requestId } = await hold('wire_money')
  await review('bob', requestId)
  await publish()
  expect(await codeOf(review('bob-admin', requestId))).toBe('ALREADY_REVIEWED')
  expect(await claimOf(agent, requestId)).toEqual({ status: 'pending' })
})

test('people - one person with two accounts is one reviewer', async () => {
  await publish()
  const { requestId } = await hold('wire_money')
  expect(await review('bob', requestId)).toEqual({ state: 'pending', missing: 1 })
  expect(await codeOf(review('bob-admin', requestId))).toBe('ALREADY_REVIEWED')
  expect((await house.desk.show(await account('bob-admin'), requestId)).mayReview).toMatchObject({
    code: 'ALREADY_REVIEWED',
  })
  expect(await claimOf(agent, requestId)).toEqual({ status: 'pending' })
  expect(await review('carol', requestId)).toMatchObject({ state: 'approved' })
})

test('people - two accounts at the same moment, at several brokers, do not make two people', async () => {
  await publish()
  await house.startBroker()
  await house.startBroker()
  for (let round = 0; round < 6; round++) {
    const { requestId } = await hold('wire_money')
    await Promise.allSettled([review('bob', requestId), review('bob-admin', requestId)])
    const { summary } = await house.desk.show(house.token('carol'), requestId)
    expect(summary.state).toBe('pending')
    expect(await review('carol', requestId)).toMatchObject({ state: 'approved' })
    const claimed = await claimOf(agent, requestId)
    const [, claims = ''] = claimed.status === 'approved' ? claimed.warrant.split('.') : []
    const { hp } = JSON.parse(Buffer.from(claims, 'base64url').toString())
    expect(hp.approvals).toHaveLength(2)
    expect(hp.approvals.map(({ sub }: { sub: string }) => sub)).toContain('carol')
  }
})

test('people - nobody releases their own work through a second account, or takes its approval back', async () => {
  await publish()
  const { requestId } = await hold()
  expect(await codeOf(review('alice-admin', requestId))).toBe('SELF_APPROVAL')
  const acting = await holdAction(agent, attemptOf({}, { onBehalfOf: [house.token('bob')] }))
  expect(await codeOf(review('bob-admin', acting.requestId))).toBe('SELF_APPROVAL')
  await reviewAs(house, 'carol', requestId)
  const revocation = { requestId, channel: 'cli', token: await account('alice-admin') }
  expect(await codeOf(house.desk.revoke(revocation))).toBe('SELF_APPROVAL')
})

test('people - an account that the directory calls a service answers nothing, and has no duty', async () => {
  await publish()
  const { requestId } = await hold()
  expect(await codeOf(review('robot', requestId))).toBe('NOT_A_REVIEWER')
  expect(await codeOf(review('robot', requestId, 'deny'))).toBe('NOT_A_REVIEWER')
  const token = await account('robot')
  await reviewAs(house, 'bob', requestId, 'deny')
  expect(await codeOf(house.desk.erase({ requestId, channel: 'cli', token }))).toBe('NOT_PERMITTED')
  expect(await codeOf(house.desk.freeze({ frozen: true, channel: 'cli', token }))).toBe('NOT_PERMITTED')
})

test('people - whoever froze an agent does not thaw it with another account', async () => {
  await publish()
  const change = { agentId: agent.id, channel: 'cli' }
  await house.desk.freeze({ ...change, frozen: true, token: await account('bob') })
  const thaw = async (sub: string) =>
    house.desk.freeze({ ...change, frozen: false, token: await account(sub) })
  for (const sub of ['bob', 'bob-admin', 'alice', 'alice-admin', 'robot'])
    expect(['SELF_APPROVAL', 'NOT_PERMITTED']).toContain(await codeOf(thaw(sub)))
  expect(await thaw('carol')).toMatchObject({ frozen: false })
})

test('people - once it has expired nobody answers anything until it is published again', async () => {
  const before = await publish()
  // Policy and key set go on.
  for (const days of [61, 29]) {
    house.clock.advance(days * DAY)
    await house.publishPolicy(FREEZING)
  }
  const { requestId } = await hold('wire_money')
  const token = await account('bob')
  const shown = await house.desk.show(token, requestId)
  expect(shown.mayReview).toMatchObject({
    ok: false,
    code: 'STALE',
    reason: expect.stringContaining('expired'),
  })
  const answer = { requestId, renderHash: shown.renderHash, channel: 'cli', token } as const
  for (const verdict of ['approve', 'deny'] as const)
    expect(await codeOf(house.desk.review({ ...answer, verdict }))).toBe('STALE')
  // The same after a start: it is not as if there were none.
  await house.broker().stop()
  await house.startBroker()
  expect(await codeOf(house.desk.review({ ...answer, verdict: 'approve' }))).toBe('STALE')
  const { version } = await publish()
  expect(version).toBe(before.version + 1)
  expect(await house.desk.review({ ...answer, verdict: 'approve' })).toEqual({ state: 'pending', missing: 1 })
})

const forged = (change: Partial<Directory>, key = readKey(house.home, FILES.registryKey)) => {
  const iat = Math.floor(house.clock.now() / 1000)
  const { origin } = readKeySet(house.home, house.clock.now())
  const directory: Directory = {
    v: 1,
    origin,
    version: 1000,
    iat,
    exp: iat + 1000,
    people: [],
    services: [],
    ...change,
  }
  return signDocument(TYP.directory, directory, key)
}
let refused = 0
const bobs = { id: 'bob', accounts: [{ iss: DEVELOPMENT_ISSUER, sub: 'bob' }] }
test.each<[string, () => string]>([
  ['signed by a stranger', () => forged({}, loadKey(generateKey().seed))],
  ['signed by the policy’s key', () => forged({}, readKey(house.home, FILES.policyKey))],
  ['of another origin', () => forged({ origin: 'evil.invalid' })],
  ['from the future', () => forged({ iat: Math.floor(house.clock.now() / 1000) + 3600 })],
  ['that is older', () => forged({ version: 1 })],
  ['in which an account is two people’s', () => forged({ people: [bobs, { ...bobs, id: 'bob again' }] })],
  [
    'in which one person stands twice',
    () => forged({ people: [bobs, { id: 'bob', accounts: [{ iss: 'i', sub: 's' }] }] }),
  ],
  ['in which a service is a person', () => forged({ people: [bobs], services: bobs.accounts })],
  ['that has members of its own', () => forged({ admins: ['bob'] } as never)],
])('people - a directory %s replaces none', async (_, sign) => {
  await publish(DIRECTORY.replace('carol:', 'caroline:'))
  const js = jetstream(await house.connect('admin'))
  const subject = trustSubject.directory(2000 + refused++)
  await js.publish(subject, sign())
  await logged('a signed document was refused', subject)
  const { requestId } = await hold('wire_money')
  await review('bob', requestId)
  expect(await codeOf(review('bob-admin', requestId))).toBe('ALREADY_REVIEWED')
})

test('people - a registry key that is in the key set no longer takes its directory with it, and nobody answers', async () => {
  await publish()
  const { requestId } = await hold('wire_money')
  const { version, ...set } = readKeySet(house.home, house.clock.now())
  const successor = loadKey(generateKey().seed)
  const keys = set.keys.map((key) =>
    key.use === 'registry' ? { ...key, kid: successor.kid, x: successor.x } : key,
  )
  const next = signDocument(
    TYP.keySet,
    { ...set, version: version + 1, keys },
    readKey(house.home, FILES.organisation),
  )
  const js = jetstream(await house.connect('admin'))
  await js.publish(trustSubject.keySet(version + 1), next)
  await eventually(
    () => house.desk.trust(),
    (trust) => trust.keys.some(({ kid }) => kid === successor.kid),
  )
  expect(await codeOf(review('carol', requestId))).toBe('UNTRUSTED')
  await house.broker().stop()
  await house.startBroker()
  expect(await codeOf(review('carol', requestId))).toBe('UNTRUSTED')
})

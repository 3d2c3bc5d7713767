import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { ALLOWED_LIFE_S, type AllowedClaims, actionDigest, TYP, type Typ } from '#contract'
import { createGate, type GateAttempt } from '#gate'
import { createTrust } from '#warrant'
import { generateKey, loadKey, type PrivateKey, signDocument } from '#warrant/issue'
import { createAllowances, runAllowed } from '../../src/gate/allowed.ts'
import { attempt, configFor, POLICY, type Scene, startScene } from '../support/gate-scene.ts'
import type { ScriptedRequest } from '../support/scripted-broker.ts'
import { type RecordedSpans, recordSpans } from '../support/spans.ts'

let scene: Scene
let spans: RecordedSpans
beforeAll(async () => {
  spans = recordSpans()
  scene = await startScene()
})
afterAll(async () => {
  await scene.stop()
  await spans.stop()
})
afterEach(() => {
  scene.broker.intercept = (_call, honest) => honest
  spans.reset()
})

const BOB = { iss: 'https://idp.example.com', sub: 'bob' }
const NO_SPAN = { setAttribute() {} }
const nowS = () => Math.floor(Date.now() / 1000)

function claimsFor({ attempt: asked, requester, salt }: ScriptedRequest): AllowedClaims {
  const iat = nowS()
  return {
    iss: scene.broker.origin,
    aud: `in-process:${scene.broker.agentId}`,
    attempt: asked.attempt,
    iat,
    exp: iat + ALLOWED_LIFE_S,
    action_digest: actionDigest(asked.action, { ...requester, onBehalfOf: [BOB] }, salt),
    rule: 'for-bob',
    policy_version: 1,
  }
}

interface Lie {
  claims?: (honest: AllowedClaims) => object
  reply?: (honest: Record<string, unknown>) => object
  by?: PrivateKey
  typ?: Typ
}

/** A broker that allows whatever it is asked. */
function allowAll({
  claims = (honest) => honest,
  reply = (honest) => honest,
  by,
  typ = TYP.allowed,
}: Lie = {}): void {
  scene.broker.intercept = ({ name }, honest) => {
    if (name !== 'request') return honest
    const request = scene.broker.requests.at(-1) as ScriptedRequest
    const permit = signDocument(typ, claims(claimsFor(request)), by ?? scene.broker.keys.broker)
    return reply({ status: 'allowed', rule: 'unsigned-rule', salt: request.salt, onBehalfOf: [BOB], permit })
  }
}

async function hold(more: Partial<GateAttempt> = {}) {
  const run = vi.fn((given: unknown) => given)
  const held = await scene.gate.hold(attempt(more), run)
  return { held, run }
}

async function expectRefused(codes: string[] = ['WARRANT_MISMATCH']): Promise<void> {
  const { held, run } = await hold()
  expect(run).not.toHaveBeenCalled()
  expect(held.ran ? 'ran' : held.refusal.code).toBeOneOf(codes)
}

test('gate - what the broker allows with its signature runs, and the span has the signed rule', async () => {
  allowAll()
  const { held, run } = await hold()
  expect(held).toEqual({ ran: true, value: { region: 'eu', limit: 100 } })
  expect(run).toHaveBeenCalledTimes(1)
  const [span] = spans.named('execute_tool export_customers')
  expect(span?.attributes).toMatchObject({
    'holdpoint.ruling': 'allow',
    'holdpoint.policy.rule': 'for-bob',
    'holdpoint.policy.version': 1,
    'holdpoint.outcome': 'executed',
    'holdpoint.action.digest': expect.stringMatching(/^sha-256:/),
  })
  expect(span?.attributes).not.toHaveProperty('holdpoint.approval.id')
})

test.each<[string, Partial<AllowedClaims>]>([
  ['another attempt', { attempt: 'call-of-yesterday' }],
  ['another action', { action_digest: `sha-256:${'b'.repeat(64)}` }],
  ['another enforcement point', { aud: 'gateway:shop-agent' }],
  ['another agent', { aud: 'in-process:mail-agent' }],
  ['another issuer', { iss: 'evil.example' }],
  ['the future', { iat: nowS() + 3_600, exp: nowS() + 3_600 + ALLOWED_LIFE_S }],
  ['too long a time', { exp: nowS() + 3_600 }],
])('gate - an allowance for %s runs nothing', async (_, change) => {
  allowAll({ claims: (honest) => ({ ...honest, ...change }) })
  await expectRefused()
})

test('gate - an expired allowance, and one by a policy before the one in force, run nothing', async () => {
  allowAll({ claims: (honest) => ({ ...honest, iat: nowS() - 60, exp: nowS() - 30 }) })
  await expectRefused(['STALE'])
  allowAll({ claims: (honest) => ({ ...honest, policy_version: 0 }) })
  await expectRefused(['STALE'])
})

test('gate - an allowance for other arguments, other people or under another salt runs nothing', async () => {
  allowAll({ reply: (honest) => ({ ...honest, salt: 'A'.repeat(22) }) })
  await expectRefused()
  for (const onBehalfOf of [[], [{ ...BOB, sub: 'mallory' }], [BOB, BOB]]) {
    allowAll({ reply: (honest) => ({ ...honest, onBehalfOf }) })
    await expectRefused()
  }
})

test('gate - an allowance that is unsigned, or signed by anybody but the broker, runs nothing', async () => {
  const { organisation, policy, registry } = scene.broker.keys
  for (const by of [organisation, policy, registry, loadKey(generateKey().seed)]) {
    allowAll({ by })
    await expectRefused(['UNTRUSTED'])
  }
  for (const typ of [TYP.warrant, TYP.consumed]) {
    allowAll({ typ })
    await expectRefused(['UNTRUSTED'])
  }
  allowAll({
    reply: (honest) => ({ ...honest, permit: `${String(honest.permit).split('.').slice(0, 2).join('.')}.` }),
  })
  await expectRefused(['UNTRUSTED'])
  allowAll({ reply: ({ permit: _, ...honest }) => honest })
  await expectRefused(['BROKER_UNAVAILABLE'])
})

test('gate - an allowance that is played back runs nothing, for the same attempt neither', async () => {
  let recorded: object | undefined
  allowAll({ reply: (honest) => (recorded ??= honest) })
  const one = attempt({ name: 'export_once', attempt: 'same-call' })
  const run = vi.fn()
  // Nobody traces here, and so the same call is the same action twice.
  await spans.stop()
  expect(await scene.gate.hold(one, run)).toMatchObject({ ran: true })
  expect(await scene.gate.hold(one, run)).toMatchObject({
    ran: false,
    refusal: { code: 'WARRANT_MISMATCH' },
  })
  expect(run).toHaveBeenCalledTimes(1)
  spans = recordSpans()
})

test('gate - an allowance is good for once, however far ahead somebody says that the broker’s clock is', async () => {
  const gate = createGate(configFor(scene.broker, scene.nats.url), { now: Date.now })
  let recorded: object | undefined
  allowAll({ reply: (honest) => (recorded ??= honest) })
  const allowing = scene.broker.intercept
  scene.broker.intercept = (call, honest) =>
    call.name === 'hello' ? { ...honest, ledgerTimeMs: Date.now() + 3_600_000 } : allowing(call, honest)
  await gate.start()
  await spans.stop()
  const one = attempt({ name: 'export_once', attempt: 'same-call-again' })
  const run = vi.fn()
  expect(await gate.hold(one, run)).toMatchObject({ ran: true })
  expect(await gate.hold(one, run)).toMatchObject({ ran: false, refusal: { code: 'WARRANT_MISMATCH' } })
  expect(run).toHaveBeenCalledTimes(1)
  await gate.stop()
  spans = recordSpans()
})

test.each([
  ['another policy has come into force meanwhile', { policyVersion: 2 }],
  ['there are newer documents, and they are not here yet', undefined],
])('gate - an allowance that was held back until %s runs nothing', (_, known) => {
  const trust = createTrust({ pin: scene.broker.pin }, { now: Date.now })
  const { keySet, registration } = scene.broker.documents()
  trust.adoptKeySet(keySet)
  const asked = {
    attempt: 'held-back',
    action: { kind: 'tool', name: 'export_customers', arguments: {}, runtime: {}, trace: {} },
  } as never
  const requester = { ...trust.verifyRegistration(registration), enforcement: 'in-process:shop-agent' }
  const salt = 'A'.repeat(22)
  const claims = claimsFor({ attempt: asked, requester, salt } as unknown as ScriptedRequest)
  const permit = signDocument(TYP.allowed, claims, scene.broker.keys.broker)
  const authority = {
    registration: trust.verifyRegistration(registration),
    enforcement: 'in-process:shop-agent',
    policyVersion: 1,
  }
  const run = (current: object | undefined) =>
    runAllowed(
      { status: 'allowed', rule: 'for-bob', salt, onBehalfOf: [BOB], permit },
      {
        attempt: asked,
        action: (asked as { action: never }).action,
        authority,
        span: { span: NO_SPAN },
      } as never,
      {
        session: { trust, authority: () => current },
        allowances: createAllowances({ now: Date.now }),
        freeze: { check() {} },
      } as never,
    )
  expect(run({ policyVersion: 1 })).toMatchObject({ permitted: true })
  expect(() => run(known)).toThrow(expect.objectContaining({ code: 'STALE' }))
})

test('gate - what it rules to deny, it does not even ask about', async () => {
  allowAll()
  expect(await hold({ name: 'drop_database' })).toMatchObject({
    held: { ran: false, refusal: { code: 'POLICY_DENIED' } },
  })
  expect(POLICY).toContain('drop_*')
})

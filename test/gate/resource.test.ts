import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { canonicalize, digestJson, TYP, type WarrantClaims } from '#contract'
import { createResource, type GateAttempt, type Release, type Resource, type ResourceAction } from '#gate'
import { generateKey, loadKey, signDocument } from '#warrant/issue'
import { attempt, configFor, type Scene, startScene } from '../support/gate-scene.ts'
import { withMember } from '../warrant/fixtures.ts'

let scene: Scene
let billing: Resource
/** Another process of the same service. */
let replica: Resource
let offsetMs = 0

beforeAll(async () => {
  scene = await startScene({ resources: ['billing', 'shipping'] })
  billing = resourceOf('billing')
  replica = resourceOf('billing')
  await Promise.all([billing.start(), replica.start()])
})
afterAll(async () => {
  await Promise.all([billing.stop(), replica.stop()])
  await scene.stop()
})
afterEach(() => {
  offsetMs = 0
  scene.broker.onRequest = () => undefined
  scene.broker.intercept = (_call, honest) => honest
  scene.broker.outcomes.length = 0
  scene.broker.calls.length = 0
})

const resourceOf = (agentId: string, more = {}) =>
  createResource(
    { ...configFor(scene.broker, scene.nats.url), agentId, ...more },
    { now: () => Date.now() + offsetMs },
  )

const PAYOUT: ResourceAction = {
  kind: 'tool',
  name: 'payout',
  target: 'accounts/eu',
  arguments: { amount: 250, to: 'DE02' },
}

/** What an honest gate hands to the agent's call after an approval. */
async function proofFor(action: ResourceAction = PAYOUT, more = {}): Promise<string> {
  scene.broker.onRequest = () => 'approved'
  const held = await scene.gate.hold(
    attempt({ resource: 'billing', ...(action as Partial<GateAttempt>), ...more }),
    (_approved, proof) => proof ?? '',
  )
  if (!held.ran) throw new Error(`refused: ${held.refusal.message}`)
  return held.value
}

const partsOf = (proof: string): [warrant: string, disclosed: string] => proof.split('~') as [string, string]
const claimsOf = (proof: string): WarrantClaims =>
  JSON.parse(Buffer.from(proof.split('.')[1] as string, 'base64url').toString())

/** The same proof with another warrant in it, signed by the broker's own key where no other is given. */
function resigned(
  proof: string,
  change: (claims: WarrantClaims) => object,
  { key = scene.broker.keys.broker, typ = TYP.warrant as (typeof TYP)[keyof typeof TYP] } = {},
): string {
  return `${signDocument(typ, change(claimsOf(proof)), key)}~${partsOf(proof)[1]}`
}

const asItIs = (claims: WarrantClaims): object => claims

function disclosing(proof: string, more: object): string {
  const [warrant, encoded] = partsOf(proof)
  const disclosed = JSON.parse(Buffer.from(encoded, 'base64url').toString())
  return `${warrant}~${Buffer.from(canonicalize({ ...disclosed, ...more })).toString('base64url')}`
}

async function verified(proof: string, action = PAYOUT, resource = billing): Promise<Release> {
  const answer = await resource.verifyWarrant(proof, action)
  if (!answer.ok) throw new Error(`refused: ${answer.refusal.code} ${answer.refusal.reason}`)
  return answer.release
}

async function refusedWith(proof: string | undefined, action = PAYOUT, resource = billing) {
  const answer = await resource.verifyWarrant(proof, action)
  if (answer.ok) throw new Error('it was released')
  return answer.refusal.code
}

/** Refused, and before the broker was asked to spend anything. */
async function refusedUnspent(proof: string | undefined, action = PAYOUT, resource = billing) {
  const code = await refusedWith(proof, action, resource)
  expect(scene.broker.calls.filter(({ name }) => name === 'consume')).toEqual([])
  return code
}

describe('a genuine warrant', () => {
  test('resource - what was approved runs once, and who acted and who authorized it is known', async () => {
    const release = await verified(await proofFor())
    expect(release).toMatchObject({
      requestId: scene.broker.requests.at(-1)?.requestId,
      action: PAYOUT,
      agent: { iss: scene.broker.origin, sub: 'shop-agent' },
      onBehalfOf: [],
      approvals: [{ sub: 'rosa', name: 'Rosa Reviewer', assurance: 'login' }],
      policyVersion: 1,
    })
    expect(Object.isFrozen(release.action.arguments)).toBe(true)
    const pay = vi.fn((approved: unknown) => approved)
    expect(await release.run(pay)).toEqual(PAYOUT.arguments)
    await expect(release.run(pay)).rejects.toMatchObject({ code: 'ALREADY_SPENT' })
    release.done('failed')
    expect(pay).toHaveBeenCalledTimes(1)
    await billing.flush(2_000)
    expect(scene.broker.outcomes).toMatchObject([{ requestId: release.requestId, outcome: 'executed' }])
  })

  test('resource - the span that consumed is the agent’s, the process is the resource’s', async () => {
    const proof = await proofFor()
    await verified(proof)
    const { traceId, spanId } = scene.broker.requests.at(-1)?.attempt.action.trace ?? {}
    const [consume] = scene.broker.calls.filter(({ name }) => name === 'consume')
    expect(consume).toMatchObject({ agentId: 'billing', body: { trace: { traceId, spanId } } })
    const greeted = scene.broker.calls.some(({ body }) => body.process === consume?.body.process)
    expect(greeted).toBe(true)
  })

  test('resource - what throws has failed, and its error is its own', async () => {
    const release = await verified(await proofFor())
    const broken = new RangeError('no funds')
    await expect(release.run(() => Promise.reject(broken))).rejects.toBe(broken)
    await billing.flush(2_000)
    expect(scene.broker.outcomes).toMatchObject([{ outcome: 'failed', errorType: 'RangeError' }])
  })

  test('resource - the precondition that people relied on reaches the service', async () => {
    const proof = await proofFor(PAYOUT, { bindings: { precondition: 'etag-7' } })
    expect((await verified(proof)).precondition).toBe('etag-7')
  })

  test('resource - JSON text is read strictly, and is what runs', async () => {
    const { arguments: given, ...names } = PAYOUT
    const release = await verified(await proofFor(), {
      ...names,
      argumentsText: '{ "to": "DE02", "amount": 2.5e2 }',
    })
    expect(release.action.arguments).toEqual(given)
  })

  test('resource - what the service changes after asking is not what runs', async () => {
    const proof = await proofFor()
    const body = { amount: 250, to: 'DE02' }
    const asked = billing.verifyWarrant(proof, { ...PAYOUT, arguments: body })
    body.amount = 1_000_000
    expect(await asked).toMatchObject({ ok: true, release: { action: PAYOUT } })
  })

  test('resource - played back a hundred times at two replicas, it runs once', async () => {
    const proof = await proofFor()
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, nth) => (nth % 2 ? billing : replica).verifyWarrant(proof, PAYOUT)),
    )
    expect(answers.filter(({ ok }) => ok)).toHaveLength(1)
    const codes = answers.flatMap((answer) => (answer.ok ? [] : [answer.refusal.code]))
    expect(new Set(codes)).toEqual(new Set(['ALREADY_SPENT']))
    await billing.flush(1_000)
    expect(scene.broker.outcomes).toEqual([])
  })

  test('resource - an outcome that the broker does not take at once is said again', async () => {
    let lost = 0
    scene.broker.intercept = ({ name }, honest) =>
      name === 'outcome' && lost++ === 0 ? { error: { code: 'UNAVAILABLE', message: 'later' } } : honest
    const release = await verified(await proofFor())
    release.done('executed')
    await billing.flush(4_000)
    expect(lost).toBe(2)
    expect(scene.broker.outcomes.at(-1)).toMatchObject({ outcome: 'executed' })
  })
})

describe('a call that is another than the approved one', () => {
  test.each<[string, object]>([
    ['of another kind', { kind: 'http' }],
    ['of another name', { name: 'payout_all' }],
    ['at another target', { target: 'accounts/us' }],
    ['without its target', { target: undefined }],
    ['with another amount', { arguments: { amount: 2500, to: 'DE02' } }],
    ['with one argument more', { arguments: { amount: 250, to: 'DE02', force: true } }],
    ['with one argument less', { arguments: { amount: 250 } }],
    ['with a number as text', { arguments: { amount: '250', to: 'DE02' } }],
    ['with null for nothing', { arguments: null }],
    ['in a list', { arguments: [{ amount: 250, to: 'DE02' }] }],
  ])('resource - a call %s is refused', async (_what, change) => {
    const proof = await proofFor()
    expect(await refusedUnspent(proof, { ...PAYOUT, ...change })).toBe('WARRANT_MISMATCH')
    // It is still good for what it was given for.
    await verified(proof)
  })

  test.each<[string, object]>([
    ['a key twice', { arguments: undefined, argumentsText: '{"amount":250,"amount":250,"to":"DE02"}' }],
    ['an integer beyond 2^53', { arguments: undefined, argumentsText: '{"amount":9007199254740993}' }],
    ['a lone surrogate', { arguments: { to: '\ud800' } }],
    ['no arguments at all', { arguments: undefined }],
    ['a function', { arguments: { amount: () => 250 } }],
    ['an instance of a class', { arguments: new Date() }],
  ])('resource - a call with %s is refused', async (_what, change) => {
    expect(await refusedUnspent(await proofFor(), { ...PAYOUT, ...change })).toBe('INVALID_INPUT')
  })
})

describe('a proof that was tampered with', () => {
  const stranger = loadKey(generateKey().seed)

  test.each<[string, string, unknown]>([
    ['another resource', 'aud', 'resource:shipping'],
    ['a gate of the same name', 'aud', 'in-process:billing'],
    ['another issuer', 'iss', 'evil.example'],
    ['another agent', 'act.sub', 'other-agent'],
    ['an agent of another house', 'act.iss', 'evil.example'],
    ['another request', 'jti', '1-other'],
    ['another transaction', 'txn', '1-other'],
    ['another digest', 'authorization_details.0.action_digest', digestJson('another')],
    ['another name', 'authorization_details.0.actions', ['payout_all']],
    ['another kind', 'authorization_details.0.kind', 'http'],
    ['another target', 'authorization_details.0.locations', ['accounts/us']],
    ['no target', 'authorization_details.0.locations', undefined],
    ['a precondition', 'authorization_details.0.precondition', 'etag-1'],
    ['another ledger', 'hp.ledger.origin', 'evil.example'],
    ['a later beginning', 'nbf', Math.floor(Date.now() / 1000) + 1_000],
    ['a longer life', 'exp', Math.floor(Date.now() / 1000) + 1_000],
  ])('resource - a warrant that names %s is refused', async (_what, path, value) => {
    const proof = resigned(await proofFor(), (claims) => withMember(claims, path, value))
    expect(await refusedUnspent(proof)).toBe('WARRANT_MISMATCH')
  })

  test('resource - a warrant by the agent itself, or by one person twice, is refused', async () => {
    const proof = await proofFor()
    const { act, hp } = claimsOf(proof)
    const [rosa] = hp.approvals
    for (const approvals of [[{ ...rosa, ...act }], [rosa, rosa]]) {
      const changed = resigned(proof, (claims) => withMember(claims, 'hp.approvals', approvals))
      expect(await refusedUnspent(changed)).toBe('WARRANT_MISMATCH')
    }
  })

  test.each([
    ['its signature cut', (proof: string) => proof.replace(/.{6}~/, '~')],
    ['a stranger’s signature', (proof: string) => resigned(proof, asItIs, { key: stranger })],
    [
      'the organisation’s signature',
      (proof: string) => resigned(proof, asItIs, { key: scene.broker.keys.organisation }),
    ],
    [
      'the policy key’s signature',
      (proof: string) => resigned(proof, asItIs, { key: scene.broker.keys.policy }),
    ],
    ['the type of another document', (proof: string) => resigned(proof, asItIs, { typ: TYP.consumed })],
    ['no algorithm', (proof: string) => withHeader(proof, { alg: 'none' })],
    ['no algorithm and no signature', (proof: string) => withHeader(proof, { alg: 'none' }, '')],
    ['a symmetric algorithm', (proof: string) => withHeader(proof, { alg: 'HS256' })],
    ['a key of its own', (proof: string) => withHeader(proof, { jwk: { kty: 'OKP', x: stranger.x } })],
    ['no approval', (proof: string) => resigned(proof, (claims) => withMember(claims, 'hp.approvals', []))],
    ['a denial', (proof: string) => resigned(proof, (claims) => withMember(claims, 'hp.decision', 'denied'))],
  ])('resource - a warrant with %s is refused', async (_what, change) => {
    expect(await refusedUnspent(change(await proofFor()))).toBe('UNTRUSTED')
  })

  function withHeader(proof: string, more: object, signature?: string): string {
    const [warrant, disclosed] = partsOf(proof)
    const [header = '', payload, signed] = warrant.split('.')
    const said = { ...JSON.parse(Buffer.from(header, 'base64url').toString()), ...more }
    const encoded = Buffer.from(JSON.stringify(said)).toString('base64url')
    return `${encoded}.${payload}.${signature ?? signed}~${disclosed}`
  }

  test.each<[string, object]>([
    ['another salt', { salt: 'A'.repeat(22) }],
    ['somebody who was acted for', { onBehalfOf: [{ iss: 'https://idp', sub: 'eve' }] }],
    ['another folder', { bindings: { cwd: `sha-256:${'0'.repeat(64)}` } }],
    ['a precondition', { bindings: { precondition: 'etag-1' } }],
  ])('resource - a proof that discloses %s is refused', async (_what, more) => {
    expect(await refusedUnspent(disclosing(await proofFor(), more))).toBe('WARRANT_MISMATCH')
  })

  test.each<[string, (proof: string) => string]>([
    ['the warrant alone', (proof) => partsOf(proof)[0]],
    ['an empty second part', (proof) => `${partsOf(proof)[0]}~`],
    ['an empty first part', (proof) => `~${partsOf(proof)[1]}`],
    ['a third part', (proof) => `${proof}~e30`],
    ['padding', (proof) => `${proof}=`],
    ['what is no JSON', (proof) => `${partsOf(proof)[0]}~AAAA`],
    ['an empty object', (proof) => `${partsOf(proof)[0]}~e30`],
    ['one member more', (proof) => disclosing(proof, { environment: 'prod' })],
    ['a short salt', (proof) => disclosing(proof, { salt: '' })],
    ['20 kB', (proof) => `${proof}${'A'.repeat(20_000)}`],
    ['two headers in one', (proof) => `${proof}, ${proof}`],
    ['noise', () => '\u0000\u0001~~~'],
  ])('resource - a proof with %s is refused by its form', async (_what, change) => {
    expect(await refusedUnspent(change(await proofFor()))).toBe('INVALID_INPUT')
  })

  test.each([undefined, ''])('resource - without a warrant, %j, it says what is missing', async (proof) => {
    expect(await refusedUnspent(proof)).toBe('WARRANT_REQUIRED')
  })

  test('resource - a warrant that has expired is refused', async () => {
    const proof = await proofFor()
    offsetMs = 301_000
    expect(await refusedUnspent(proof)).toBe('STALE')
  })

  test('resource - a warrant for the agent’s own gate is none for a resource', async () => {
    const seen: unknown[] = []
    scene.broker.intercept = ({ name }, honest) => {
      if (name === 'claim') seen.push(honest.warrant)
      return honest
    }
    scene.broker.onRequest = () => 'approved'
    const here = await scene.gate.hold(attempt(PAYOUT as Partial<GateAttempt>), () => 'ran')
    expect(here).toMatchObject({ ran: true })
    const [, disclosed] = partsOf(await proofFor())
    scene.broker.calls.length = 0
    expect(seen[0]).toMatch(/^ey/)
    expect(await refusedUnspent(`${seen[0]}~${disclosed}`)).toBe('WARRANT_MISMATCH')
  })

  test('resource - the warrant of another resource’s action is refused', async () => {
    const proof = await proofFor(PAYOUT, { resource: 'shipping' })
    expect(await refusedUnspent(proof)).toBe('WARRANT_MISMATCH')
  })

  test('resource - after the broker’s key was changed, the old one releases nothing', async () => {
    const old = await proofFor()
    scene.broker.rotate()
    // Gate and resources are told, and ask for the key set; until they have it, each believes the old key alone.
    await vi.waitFor(async () => verified(await proofFor()))
    await vi.waitFor(async () => verified(await proofFor(), PAYOUT, replica))
    scene.broker.calls.length = 0
    expect(await refusedUnspent(old)).toBe('UNTRUSTED')
  })
})

describe('the broker’s answer', () => {
  test.each<[string, object]>([
    ['another nonce', { nonce: 'another-nonce-of-16' }],
    ['another request', { jti: '1-other' }],
    ['another action', { action_digest: digestJson('another') }],
    ['another resource', { aud: 'resource:shipping' }],
    ['another house', { iss: 'evil.example' }],
    ['the past', { iat: 1, exp: 300 }],
  ])(
    'resource - an answer for %s releases nothing, and the ledger hears that nothing ran',
    async (_what, more) => {
      scene.broker.intercept = ({ name }, honest) => {
        if (name !== 'consume') return honest
        const claims = { ...claimsOf(String(honest.consumed)), ...more }
        return { consumed: signDocument(TYP.consumed, claims, scene.broker.keys.broker) }
      }
      expect(['WARRANT_MISMATCH', 'STALE']).toContain(await refusedWith(await proofFor()))
      await billing.flush(2_000)
      expect(scene.broker.outcomes).toMatchObject([{ outcome: 'failed', errorType: 'not_run' }])
    },
  )

  test.each<[string, (honest: Record<string, unknown>) => object | string, string]>([
    ['is unsigned', () => ({ consumed: 'e30.e30.' }), 'UNTRUSTED'],
    ['says yes in plain words', () => ({ consumed: true }), 'BROKER_UNAVAILABLE'],
    ['is no JSON', () => 'yes', 'BROKER_UNAVAILABLE'],
    ['is that it has lapsed', () => ({ error: { code: 'APPROVAL_LAPSED', message: '' } }), 'APPROVAL_LAPSED'],
    [
      'is that it was revoked',
      () => ({ error: { code: 'APPROVAL_REVOKED', message: '' } }),
      'APPROVAL_REVOKED',
    ],
    ['is that the agent is frozen', () => ({ error: { code: 'AGENT_FROZEN', message: '' } }), 'AGENT_FROZEN'],
  ])('resource - an answer that %s releases nothing', async (_what, answer, code) => {
    scene.broker.intercept = ({ name }, honest) => (name === 'consume' ? answer(honest) : honest)
    expect(await refusedWith(await proofFor())).toBe(code)
  })

  test('resource - a broker that is silent releases nothing', async () => {
    const hasty = resourceOf('billing', { requestTimeoutMs: 300 })
    await hasty.start()
    const proof = await proofFor()
    expect(await refusedWith(proof, { ...PAYOUT, name: 'warm-up' }, hasty)).toBe('WARRANT_MISMATCH')
    scene.broker.intercept = ({ name }, honest) => (name === 'consume' ? undefined : honest)
    expect(await refusedWith(proof, PAYOUT, hasty)).toBe('BROKER_UNAVAILABLE')
    await hasty.stop()
  })
})

describe('a resource that is not ready', () => {
  test('resource - one that reaches no broker refuses, and so does one that was stopped', async () => {
    const proof = await proofFor()
    const alone = resourceOf('billing', { natsUrl: 'nats://127.0.0.1:1', requestTimeoutMs: 100 })
    await alone.start()
    expect(await refusedWith(proof, PAYOUT, alone)).toBe('BROKER_UNAVAILABLE')
    await alone.stop()
    await alone.stop()
    expect(await refusedWith(proof, PAYOUT, alone)).toBe('BROKER_UNAVAILABLE')
  })

  test('resource - what is registered as an agent is none', async () => {
    const agent = resourceOf(scene.broker.agentId)
    await agent.start()
    expect(await refusedWith(await proofFor(), PAYOUT, agent)).toBe('INVALID_CONFIG')
    await agent.stop()
  })

  test('resource - one that was pinned to another house believes nothing', async () => {
    const pin = `ed25519:${loadKey(generateKey().seed).x}`
    const elsewhere = resourceOf('billing', { pin, requestTimeoutMs: 200 })
    await elsewhere.start()
    expect(await refusedWith(await proofFor(), PAYOUT, elsewhere)).toBe('POLICY_UNAVAILABLE')
    await elsewhere.stop()
  })

  test('resource - a pin that is none stops it before it starts', () => {
    expect(() => resourceOf('billing', { pin: 'ed25519:short' })).toThrow(/pin/)
  })
})

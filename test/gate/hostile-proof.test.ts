import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { digestJson, TYP } from '#contract'
import type { GateAttempt } from '#gate'
import { generateKey, loadKey, signDocument } from '#warrant/issue'
import { attempt } from '../support/gate-scene.ts'
import { withMember } from '../warrant/fixtures.ts'
import {
  asItIs,
  claimsOf,
  disclosing,
  PAYOUT,
  partsOf,
  type ResourceScene,
  startResourceScene,
} from './resource-scene.ts'

let scene: ResourceScene
beforeAll(async () => {
  scene = await startResourceScene()
})
afterAll(() => scene.stop())
afterEach(() => scene.reset())

/** Refused, and before the broker was asked to spend anything. */
async function refusedUnspent(proof: string | undefined, action = PAYOUT, resource = scene.billing) {
  scene.broker.calls.length = 0
  const code = await scene.refusedWith(proof, action, resource)
  expect(scene.broker.calls.filter(({ name }) => name === 'consume')).toEqual([])
  return code
}

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
    const proof = scene.resigned(await scene.proofFor(), (claims) => withMember(claims, path, value))
    expect(await refusedUnspent(proof)).toBe('WARRANT_MISMATCH')
  })

  test('resource - a warrant by the agent itself, or by one person twice, is refused', async () => {
    const proof = await scene.proofFor()
    const { act, hp } = claimsOf(proof)
    const [rosa] = hp.approvals
    for (const approvals of [[{ ...rosa, ...act }], [rosa, rosa]]) {
      const changed = scene.resigned(proof, (claims) => withMember(claims, 'hp.approvals', approvals))
      expect(await refusedUnspent(changed)).toBe('WARRANT_MISMATCH')
    }
  })

  test.each([
    ['its signature cut', (proof: string) => proof.replace(/.{6}~/, '~')],
    ['a stranger’s signature', (proof: string) => scene.resigned(proof, asItIs, { key: stranger })],
    [
      'the organisation’s signature',
      (proof: string) => scene.resigned(proof, asItIs, { key: scene.broker.keys.organisation }),
    ],
    [
      'the policy key’s signature',
      (proof: string) => scene.resigned(proof, asItIs, { key: scene.broker.keys.policy }),
    ],
    ['the type of another document', (proof: string) => scene.resigned(proof, asItIs, { typ: TYP.consumed })],
    ['no algorithm', (proof: string) => withHeader(proof, { alg: 'none' })],
    ['no algorithm and no signature', (proof: string) => withHeader(proof, { alg: 'none' }, '')],
    ['a symmetric algorithm', (proof: string) => withHeader(proof, { alg: 'HS256' })],
    ['a key of its own', (proof: string) => withHeader(proof, { jwk: { kty: 'OKP', x: stranger.x } })],
    [
      'no approval',
      (proof: string) => scene.resigned(proof, (claims) => withMember(claims, 'hp.approvals', [])),
    ],
    [
      'a denial',
      (proof: string) => scene.resigned(proof, (claims) => withMember(claims, 'hp.decision', 'denied')),
    ],
  ])('resource - a warrant with %s is refused', async (_what, change) => {
    expect(await refusedUnspent(change(await scene.proofFor()))).toBe('UNTRUSTED')
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
    expect(await refusedUnspent(disclosing(await scene.proofFor(), more))).toBe('WARRANT_MISMATCH')
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
    expect(await refusedUnspent(change(await scene.proofFor()))).toBe('INVALID_INPUT')
  })

  test.each([undefined, ''])('resource - without a warrant, %j, it says what is missing', async (proof) => {
    expect(await refusedUnspent(proof)).toBe('WARRANT_REQUIRED')
  })

  test('resource - a warrant that has expired is refused', async () => {
    const proof = await scene.proofFor()
    scene.clock.offsetMs = 301_000
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
    const [, disclosed] = partsOf(await scene.proofFor())
    scene.broker.calls.length = 0
    expect(seen[0]).toMatch(/^ey/)
    expect(await refusedUnspent(`${seen[0]}~${disclosed}`)).toBe('WARRANT_MISMATCH')
  })

  test('resource - the warrant of another resource’s action is refused', async () => {
    const proof = await scene.proofFor(PAYOUT, { resource: 'shipping' })
    expect(await refusedUnspent(proof)).toBe('WARRANT_MISMATCH')
  })

  test('resource - after the broker’s key was changed, the old one releases nothing', async () => {
    const old = await scene.proofFor()
    scene.broker.rotate()
    // Gate and resources are told, and ask for the key set; until they have it, each believes the old key alone.
    await vi.waitFor(async () => scene.verified(await scene.proofFor()))
    await vi.waitFor(async () => scene.verified(await scene.proofFor(), PAYOUT, scene.replica))
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
      expect(['WARRANT_MISMATCH', 'STALE']).toContain(await scene.refusedWith(await scene.proofFor()))
      await scene.billing.flush(2_000)
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
    expect(await scene.refusedWith(await scene.proofFor())).toBe(code)
  })

  test('resource - a broker that is silent releases nothing', async () => {
    const hasty = scene.resourceOf('billing', { requestTimeoutMs: 300 })
    await hasty.start()
    const proof = await scene.proofFor()
    expect(await scene.refusedWith(proof, { ...PAYOUT, name: 'warm-up' }, hasty)).toBe('WARRANT_MISMATCH')
    scene.broker.intercept = ({ name }, honest) => (name === 'consume' ? undefined : honest)
    expect(await scene.refusedWith(proof, PAYOUT, hasty)).toBe('BROKER_UNAVAILABLE')
    await hasty.stop()
  })
})

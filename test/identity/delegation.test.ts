import { createServer, type Server } from 'node:http'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createIdentity, type Identity } from '#identity'
import { listenFrom } from '#runtime'
import { codeOf } from '../support/held.ts'

const NOW_S = 1_800_000_000

let provider: Server
let iss: string
let identity: Identity
let signed: (claims: Record<string, unknown>) => Promise<string>

beforeAll(async () => {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const jwk = { ...(await exportJWK(publicKey)), kid: 'k1' }
  provider = createServer((_, response) => {
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ keys: [jwk] }))
  })
  iss = `http://127.0.0.1:${await listenFrom(provider, 0)}`
  const trusted = { issuer: iss, audience: 'holdpoint', clientId: 'console', jwksUri: `${iss}/keys` }
  identity = createIdentity({ issuers: [trusted] }, { now: () => NOW_S * 1000 })
  signed = (claims) =>
    new SignJWT({ iss, sub: 'ursula', aud: 'holdpoint', iat: NOW_S, exp: NOW_S + 600, ...claims } as never)
      .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
      .sign(privateKey)
})
afterAll(() => new Promise((closed) => provider.close(closed)))

/** An `act` claim of so many delegators. */
const nested = (depth: number): object | undefined =>
  depth === 0 ? undefined : { sub: `service-${depth}`, ...(depth > 1 ? { act: nested(depth - 1) } : {}) }

test('delegation - a token without act is on behalf of its subject alone', async () => {
  expect(await identity.verifyDelegation(await signed({}))).toEqual([{ iss, sub: 'ursula' }])
})

test('delegation - everybody whom act names is in the chain, outermost first, each of its own issuer', async () => {
  const act = { sub: 'planner', act: { iss: 'https://other.example.com', sub: 'frontend' } }
  expect(await identity.verifyDelegation(await signed({ act }))).toEqual([
    { iss, sub: 'ursula' },
    { iss, sub: 'planner' },
    { iss: 'https://other.example.com', sub: 'frontend' },
  ])
})

test('delegation - a chain of eight is believed, one of nine is not', async () => {
  expect(await identity.verifyDelegation(await signed({ act: nested(7) }))).toHaveLength(8)
  expect(await codeOf(identity.verifyDelegation(await signed({ act: nested(8) })))).toBe('UNAUTHENTICATED')
})

test.each<[string, unknown]>([
  ['null', null],
  ['a text', 'planner'],
  ['a list', [{ sub: 'planner' }]],
  ['without a subject', { iss: 'https://idp.example.com' }],
  ['with an empty subject', { sub: '' }],
  ['with a subject that is no text', { sub: 7 }],
  ['with a subject without end', { sub: 's'.repeat(501) }],
  ['with an issuer that is no text', { sub: 'planner', iss: null }],
  ['malformed further in', { sub: 'planner', act: { sub: 'frontend', act: {} } }],
  ['null further in', { sub: 'planner', act: null }],
])('delegation - a token whose act is %s is not believed at all', async (_, act) => {
  expect(await codeOf(identity.verifyDelegation(await signed({ act })))).toBe('UNAUTHENTICATED')
})

test.each<[string, Record<string, unknown>]>([
  ['the ID token of somebody signed in', { aud: 'console' }],
  ['a token for somebody else', { aud: 'payroll' }],
  ['a program’s own token', { sub: 'batch', client_id: 'batch' }],
  ['an expired token', { iat: NOW_S - 900, exp: NOW_S - 300 }],
  ['a token of the future', { iat: NOW_S + 300 }],
  ['a token of another issuer', { iss: 'https://elsewhere.example.com' }],
])('delegation - %s proves nobody’s behalf', async (_, claims) => {
  expect(await codeOf(identity.verifyDelegation(await signed(claims)))).toBe('UNAUTHENTICATED')
})

test('delegation - an agent cannot sign in with what it was given to act for somebody', async () => {
  expect(await identity.verifyToken(await signed({}))).toMatchObject({ sub: 'ursula' })
  for (const act of [{ sub: 'agent' }, {}, null])
    expect(await codeOf(identity.verifyToken(await signed({ act })))).toBe('UNAUTHENTICATED')
})

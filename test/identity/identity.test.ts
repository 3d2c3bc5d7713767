import { createServer, type Server } from 'node:http'
import { exportJWK, exportSPKI, generateKeyPair, type JWK, SignJWT } from 'jose'
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { createIdentity, type Identity } from '#identity'
import { listenFrom } from '#runtime'
import { codeOf } from '../support/held.ts'

const NOW_S = 1_800_000_000
const now = () => NOW_S * 1000
type Keys = Awaited<ReturnType<typeof generateKeyPair>>

let keys: Keys
let otherKeys: Keys
beforeAll(async () => {
  keys = await generateKeyPair('ES256', { extractable: true })
  otherKeys = await generateKeyPair('ES256', { extractable: true })
})

/** An identity provider that answers what a test wants it to. */
let provider: Server
let url: string
let answers: Record<string, { status?: number; body: unknown }>
let identity: Identity

beforeEach(async () => {
  provider = createServer((request, response) => {
    const { status = 200, body } = answers[request.url ?? ''] ?? { status: 404, body: {} }
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  })
  url = `http://127.0.0.1:${await listenFrom(provider, 0)}`
  answers = {
    '/.well-known/openid-configuration': { body: { issuer: url, jwks_uri: `${url}/keys` } },
    '/keys': { body: { keys: [await publicKey(keys)] } },
  }
  identity = createIdentity({ issuers: [{ issuer: url, audience: 'holdpoint' }] }, { now })
})
afterEach(() => new Promise((closed) => provider.close(closed)))

const publicKey = async ({ publicKey: key }: Keys, kid = 'k1'): Promise<JWK> => ({
  ...(await exportJWK(key)),
  kid,
})

async function token(claims: Record<string, unknown> = {}, by: Keys = keys): Promise<string> {
  const payload = { iss: url, sub: 'u1', aud: 'holdpoint', iat: NOW_S, exp: NOW_S + 600, ...claims }
  return new SignJWT(payload as never).setProtectedHeader({ alg: 'ES256', kid: 'k1' }).sign(by.privateKey)
}

test('identity - a token of a configured issuer is a person, with the groups that its issuer vouches for', async () => {
  expect(
    await identity.verifyToken(
      await token({ name: 'Ursula', groups: ['sre'], amr: ['pwd', 'otp'], auth_time: NOW_S - 5 }),
    ),
  ).toEqual({
    iss: url,
    sub: 'u1',
    name: 'Ursula',
    groups: [`oidc:${url}#group/sre`, `oidc:${url}#sub/u1`],
    assurance: 'login',
    amr: ['pwd', 'otp'],
    authTime: NOW_S - 5,
    service: false,
  })
})

const BACK_CHANNEL_LOGOUT = 'http://schemas.openid.net/event/backchannel-logout'

test.each<[string, Record<string, unknown>]>([
  ['another audience', { aud: 'somebody-else' }],
  ['no audience', { aud: undefined }],
  ['an issuer that is not configured', { iss: 'https://evil.invalid' }],
  ['no issuer', { iss: undefined }],
  ['no subject', { sub: undefined }],
  ['an empty subject', { sub: '' }],
  ['a subject that is a number', { sub: 1 }],
  ['an expiry in the past', { exp: NOW_S - 31 }],
  ['no expiry', { exp: undefined }],
  ['a time of issue in the future', { iat: NOW_S + 31 }],
  ['no time of issue', { iat: undefined }],
  ['a time before which it is not valid', { nbf: NOW_S + 31 }],
  ['groups that are no list', { groups: 'sre' }],
  ['a group that is no text', { groups: [{ name: 'sre' }] }],
  ['its groups left out, as Entra does', { _claim_names: { groups: 'src1' } }],
  ['its groups left out, as Entra does in the implicit flow', { hasgroups: true }],
  ['the news that its subject has signed out', { events: { [BACK_CHANNEL_LOGOUT]: {} } }],
])('identity - a token with %s is refused', async (_, claims) => {
  expect(await codeOf(identity.verifyToken(await token(claims)))).toBe('UNAUTHENTICATED')
})

const withClient = (): Identity =>
  createIdentity({ issuers: [{ issuer: url, audience: 'holdpoint', clientId: 'console' }] }, { now })

test.each<[string, Record<string, unknown>]>([
  ['an access token for the audience', { aud: 'holdpoint' }],
  ['an access token for several, asked for by another client', { aud: ['holdpoint', 'api'], azp: 'ci' }],
  ['an ID token of the client', { aud: 'console' }],
  ['an ID token that names the client as its party', { aud: ['console', 'api'], azp: 'console' }],
])('identity - %s is a sign-in, and no service', async (_, claims) => {
  expect(await withClient().verifyToken(await token(claims))).toMatchObject({ sub: 'u1', service: false })
})

test.each<[string, Record<string, unknown>]>([
  ['of another client', { aud: 'other-client' }],
  ['of the client, for another party', { aud: 'console', azp: 'other' }],
  ['of the client, for an empty party', { aud: 'console', azp: '' }],
  ['of several clients, for another party', { aud: ['console', 'other'], azp: 'other' }],
  ['of several clients, for no party', { aud: ['console', 'other'] }],
  ['of client and audience, for another party', { aud: ['console', 'holdpoint'], azp: 'other' }],
])('identity - an ID token %s is refused', async (_, claims) => {
  expect(await codeOf(withClient().verifyToken(await token(claims)))).toBe('UNAUTHENTICATED')
})

test("identity - another issuer's key under the same kid signs nobody in", async () => {
  expect(await codeOf(identity.verifyToken(await token({}, otherKeys)))).toBe('UNAUTHENTICATED')
})

test('identity - one issuer cannot speak for another, though both are believed', async () => {
  const both = createIdentity(
    {
      issuers: [
        { issuer: url, audience: 'holdpoint' },
        { issuer: 'https://other.invalid', audience: 'holdpoint', jwksUri: `${url}/other` },
      ],
    },
    { now },
  )
  answers['/other'] = { body: { keys: [await publicKey(otherKeys)] } }
  expect(await codeOf(both.verifyToken(await token({}, otherKeys)))).toBe('UNAUTHENTICATED')
  expect(await both.verifyToken(await token({ iss: 'https://other.invalid' }, otherKeys))).toMatchObject({
    iss: 'https://other.invalid',
  })
})

test('identity - the public key is no shared secret, and `none` is no algorithm', async () => {
  const secret = Buffer.from(await exportSPKI(keys.publicKey))
  const payload = { iss: url, sub: 'u1', aud: 'holdpoint', iat: NOW_S, exp: NOW_S + 600 }
  const symmetric = await new SignJWT(payload).setProtectedHeader({ alg: 'HS256', kid: 'k1' }).sign(secret)
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const unsigned = `${part({ alg: 'none', kid: 'k1' })}.${part(payload)}.`
  for (const forged of [symmetric, unsigned, '', '.', '..', 'x', `${'a'.repeat(10_000)}.b.c`])
    expect(await codeOf(identity.verifyToken(forged))).toBe('UNAUTHENTICATED')
})

test('identity - a key that the token brings along is not used', async () => {
  const jwk = await publicKey(otherKeys)
  const forged = await new SignJWT({ sub: 'u1' })
    .setProtectedHeader({ alg: 'ES256', kid: 'k1', jwk, jku: 'http://127.0.0.1:9/keys' })
    .setIssuer(url)
    .setAudience('holdpoint')
    .setIssuedAt(NOW_S)
    .setExpirationTime(NOW_S + 600)
    .sign(otherKeys.privateKey)
  expect(await codeOf(identity.verifyToken(forged))).toBe('UNAUTHENTICATED')
})

test.each<[string, Record<string, unknown>]>([
  ['client credentials of RFC 9068', { client_id: 'u1' }],
  ['its authorized party for a subject', { azp: 'u1' }],
  ['Auth0', { sub: 'u1@clients', gty: 'client-credentials' }],
  ['Okta', { cid: 'u1' }],
  ['Keycloak', { azp: 'ci', preferred_username: 'service-account-ci' }],
  ['Entra, v1', { idtyp: 'app' }],
  ['Entra, v2', { oid: 'u1' }],
])('identity - a program that got its token by %s is known as a service', async (_, claims) => {
  expect(await identity.verifyToken(await token(claims))).toMatchObject({ service: true })
})

test.each<[string, string, { status?: number; body: unknown }]>([
  ['an error from the keys', '/keys', { status: 503, body: {} }],
  ['a redirect to other keys', '/keys', { status: 302, body: {} }],
  ['keys that are no JSON', '/keys', { body: '<html>' }],
  ['keys of another shape', '/keys', { body: { nothing: true } }],
  ['no discovery document', '/.well-known/openid-configuration', { status: 500, body: {} }],
  ['a discovery document that is no JSON', '/.well-known/openid-configuration', { body: 'hello' }],
])('identity - %s is no word about the token, and it recovers', async (_, path, answer) => {
  const before = answers[path]
  answers[path] = answer
  expect(await codeOf(identity.verifyToken(await token()))).toBe('UNAVAILABLE')
  answers[path] = before as never
  expect(await identity.verifyToken(await token())).toMatchObject({ sub: 'u1' })
})

test("identity - a discovery document in another issuer's name is not followed", async () => {
  answers['/.well-known/openid-configuration'] = {
    body: { issuer: 'https://evil.invalid', jwks_uri: `${url}/keys` },
  }
  expect(await codeOf(identity.verifyToken(await token()))).toBe('UNAVAILABLE')
})

test('identity - a provider that cannot be reached is unavailable', async () => {
  const jwksUri = 'http://127.0.0.1:9/keys'
  const lost = createIdentity({ issuers: [{ issuer: url, audience: 'holdpoint', jwksUri }] }, { now })
  expect(await codeOf(lost.verifyToken(await token()))).toBe('UNAVAILABLE')
})

test.each([
  'http://idp.example.com/keys',
  'http://127.0.0.1.example.com/keys',
  'http://localhost.example.com/keys',
  'ftp://idp.example.com/keys',
  'file:///etc/keys',
])('identity - keys from %s are refused before anything is fetched', (jwksUri) => {
  expect(() =>
    createIdentity({ issuers: [{ issuer: url, audience: 'holdpoint', jwksUri }] }, { now }),
  ).toThrow(/expected https/)
})

test('identity - a discovery document cannot lead to keys over plain HTTP', async () => {
  answers['/.well-known/openid-configuration'] = {
    body: { issuer: url, jwks_uri: 'http://idp.example.com/keys' },
  }
  expect(await codeOf(identity.verifyToken(await token()))).toBe('INVALID_CONFIG')
})

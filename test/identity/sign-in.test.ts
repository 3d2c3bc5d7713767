import { expect, test } from 'vitest'
import { localPath } from '#identity'
import { codeOf } from '../support/held.ts'
import type { Lies } from './lying-provider.ts'
import {
  advance,
  begin,
  claims,
  createFor,
  NOW_S,
  part,
  provider,
  REDIRECT_URI,
  respond,
  signIn,
  useLyingProvider,
} from './sign-in-scene.ts'

useLyingProvider()

test('sign-in - a browser goes to the issuer with PKCE, state and nonce, and comes back as a person', async () => {
  const begun = await begin('/requests/1-abc?tab=trace')
  expect(Object.fromEntries(begun.url.searchParams)).toEqual({
    client_id: 'holdpoint',
    response_type: 'code',
    redirect_uri: REDIRECT_URI,
    scope: 'openid profile',
    state: expect.stringMatching(/^[\w-]{43}$/),
    nonce: expect.stringMatching(/^[\w-]{43}$/),
    code_challenge: expect.stringMatching(/^[\w-]{43}$/),
    code_challenge_method: 'S256',
  })
  const { person, tokens, returnTo } = await signIn.finish(begun.callback, begun.sealed)
  expect(person).toMatchObject({ iss: provider.issuer.issuer, sub: 'u1', name: 'Ursula', assurance: 'login' })
  expect(tokens.refreshToken).toBe('r1')
  expect(returnTo).toBe('/requests/1-abc?tab=trace')
})

test('sign-in - what the browser keeps meanwhile shows nothing of the secrets in it', async () => {
  const { sealed, url } = await begin()
  const parts = sealed.split('.').map((part) => Buffer.from(part, 'base64url').toString('latin1'))
  expect(parts[0]).toContain('A256GCM')
  expect(sealed + parts.join('')).not.toContain(url.searchParams.get('state') as string)
  expect(sealed.length).toBeLessThan(2_000)
})

test('sign-in - two sign-ins share neither state, nonce nor challenge', async () => {
  const [one, other] = [await begin(), await begin()]
  for (const name of ['state', 'nonce', 'code_challenge'])
    expect(one.url.searchParams.get(name)).not.toBe(other.url.searchParams.get(name))
})

test('sign-in - the address of the callback is ours, whatever host the browser names', async () => {
  const { callback, sealed } = await begin()
  await signIn.finish(new URL(`http://evil.invalid/x${callback.search}`), sealed)
  expect(provider.grants[0]?.get('redirect_uri')).toBe(REDIRECT_URI)
})

test('sign-in - the verifier always travels, even where the provider would not ask for it', async () => {
  const begun = await begin()
  await signIn.finish(begun.callback, begun.sealed)
  expect(provider.grants[0]?.get('code_verifier')).toMatch(/^[\w-]{43}$/)
  expect(provider.grants[0]?.get('redirect_uri')).toBe(REDIRECT_URI)
})

test('sign-in - a provider that is away is unavailable, and one that is not configured is not found', async () => {
  expect(await codeOf(signIn.begin({ issuer: 'https://evil.invalid', returnTo: '/' }))).toBe('NOT_FOUND')
  await provider.stop()
  expect(await codeOf(begin())).toBe('UNAVAILABLE')
})

test('sign-in - without an issuer named, the first one is asked; without any, nobody can sign in', async () => {
  expect((await signIn.begin({ returnTo: '/' })).url.startsWith(provider.issuer.issuer)).toBe(true)
  expect(await codeOf(createFor().begin({ returnTo: '/' }))).toBe('NOT_FOUND')
})

test('sign-in - a confidential client shows its secret to the token endpoint alone', async () => {
  let shown: string | undefined
  provider.issuer = { ...provider.issuer, clientSecret: 's3cret:x', scopes: ['groups', 'openid'] }
  provider.lies = {
    token: (honest, context) => {
      shown = context.req.header('authorization')
      return honest
    },
  }
  const confidential = createFor(provider)
  const begun = await begin('/', provider, confidential)
  expect(begun.url.href + begun.sealed).not.toContain('s3cret')
  expect(begun.url.searchParams.get('scope')).toBe('openid profile groups')
  await confidential.finish(begun.callback, begun.sealed)
  expect(Buffer.from(shown?.split(' ')[1] ?? '', 'base64').toString()).toBe('holdpoint:s3cret%3Ax')
})

test.each([
  'https://evil.invalid',
  '//evil.invalid',
  '///evil.invalid',
  '/\\evil.invalid',
  '\\\\evil.invalid',
  '/\t/evil.invalid',
  '/\n/evil.invalid',
  '/\r\nset-cookie: a=b',
  '/\0',
  ' /x',
  '/x y',
  '/x\\y',
  'javascript:alert(1)',
  'data:text/html,x',
  'requests',
  '',
  '?x',
  '#x',
  '/ünicode',
  '/\u202egro',
  `/${'x'.repeat(1_000)}`,
])('sign-in - %j is no place to go back to', async (hostile) => {
  expect(localPath(hostile)).toBe('/')
  const begun = await begin(hostile)
  expect((await signIn.finish(begun.callback, begun.sealed)).returnTo).toBe('/')
})

test.each(['/', '/requests', '/requests/1-abc?x=1&y=%2F%2F#reviews', '/a/../b', "/~user/(x)'"])(
  'sign-in - %j is a place to go back to',
  (path) => {
    expect(localPath(path)).toBe(path)
  },
)

test('sign-in - a refresh gives newer tokens of the same person, and keeps what it is not given', async () => {
  const begun = await begin()
  const { tokens } = await signIn.finish(begun.callback, begun.sealed)
  advance(500_000)
  const renewed = await signIn.refresh(tokens)
  expect(renewed?.refreshToken).toBe('r2')
  expect(renewed?.idToken).not.toBe(tokens.idToken)
  provider.lies = { token: ({ refresh_token: _, ...honest }) => honest }
  expect((await signIn.refresh(tokens))?.refreshToken).toBe('r1')
})

test.each<[string, Lies]>([
  ['of another person', claims({ sub: 'u2' })],
  ['of another issuer', claims({ iss: 'https://evil.invalid' })],
  ['of another audience', claims({ aud: 'other' })],
  ['that has expired', claims({ exp: NOW_S - 31 })],
  ['that nobody signed', { idToken: (said) => `${part({ alg: 'none' })}.${part(said)}.` }],
  ['that another key signed', { idToken: (said) => provider.sign(said, { by: 'another key' }) }],
  ['that is missing', { idToken: () => undefined }],
  ['that was refused', { token: () => respond(400, '{"error":"invalid_grant"}') }],
])('sign-in - a refreshed token %s is none', async (_, lies) => {
  const begun = await begin()
  const { tokens } = await signIn.finish(begun.callback, begun.sealed)
  provider.lies = lies
  expect(await signIn.refresh(tokens)).toBeUndefined()
})

test('sign-in - a provider that fails while refreshing is unavailable, and without a refresh token none is asked', async () => {
  const begun = await begin()
  const { tokens } = await signIn.finish(begun.callback, begun.sealed)
  provider.lies = { token: () => respond(503, '{}') }
  expect(await codeOf(signIn.refresh(tokens))).toBe('UNAVAILABLE')
  expect(await signIn.refresh({ idToken: tokens.idToken })).toBeUndefined()
  expect(provider.grants).toHaveLength(2)
})

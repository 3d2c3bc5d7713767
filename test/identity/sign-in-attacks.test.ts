import { expect, test, vi } from 'vitest'
import { createSignIn } from '#identity'
import { codeOf } from '../support/held.ts'
import { type Lies, startLyingProvider } from './lying-provider.ts'
import {
  advance,
  begin,
  claims,
  createFor,
  finishing,
  NOW_S,
  now,
  part,
  provider,
  REDIRECT_URI,
  respond,
  signIn,
  useLyingProvider,
} from './sign-in-scene.ts'

useLyingProvider()

test.each<[string, Lies | (() => Lies)]>([
  ['another nonce', claims({ nonce: 'another' })],
  ['no nonce', claims({ nonce: undefined })],
  ['an empty nonce', claims({ nonce: '' })],
  ['a nonce that is a list', claims({ nonce: ['x'] })],
  ['another audience', claims({ aud: 'somebody-else' })],
  ['no audience', claims({ aud: undefined })],
  ['several audiences and no authorized party', claims({ aud: ['holdpoint', 'other'] })],
  ['several audiences and another authorized party', claims({ aud: ['holdpoint', 'other'], azp: 'other' })],
  ['one audience and another authorized party', claims({ azp: 'other' })],
  ['another issuer', claims({ iss: 'https://evil.invalid' })],
  ['no issuer', claims({ iss: undefined })],
  ['no subject', claims({ sub: undefined })],
  ['an empty subject', claims({ sub: '' })],
  ['an expiry in the past', claims({ exp: NOW_S - 31 })],
  ['no expiry', claims({ exp: undefined })],
  ['a time of issue in the future', claims({ iat: NOW_S + 31 })],
  ['a time before which it is not valid', claims({ nbf: NOW_S + 31 })],
  ['groups that are no list', claims({ groups: 'sre' })],
  ['no signature', { idToken: (said) => `${part({ alg: 'none' })}.${part(said)}.` }],
  ['a signature over other claims', { idToken: async (said) => swapClaims(await provider.sign(said), said) }],
  ['its public key for a shared secret', { idToken: (said) => provider.signSymmetrically(said) }],
  ['a key of nobody', { idToken: (said) => provider.sign(said, { by: 'another key', kid: 'k9' }) }],
  ['another key under the kid of its own', { idToken: (said) => provider.sign(said, { by: 'another key' }) }],
  ['its own key under the kid of another', { idToken: (said) => provider.sign(said, { kid: 'k2' }) }],
  ['a token that is no token', { idToken: () => 'a.b.c' }],
  ['no ID token, but people at another endpoint', { idToken: () => undefined }],
])('sign-in - an ID token with %s signs nobody in', async (_, lies) => {
  const begun = await begin()
  provider.lies = typeof lies === 'function' ? lies() : lies
  expect(await finishing(begun)).toBe('UNAUTHENTICATED')
})

function swapClaims(token: string, said: Record<string, unknown>): string {
  const [header, , signature] = token.split('.')
  return `${header}.${part({ ...said, sub: 'u2' })}.${signature}`
}

test.each<[string, (callback: URL) => void]>([
  ['another state', ({ searchParams }) => searchParams.set('state', 'another')],
  ['no state', ({ searchParams }) => searchParams.delete('state')],
  ['two states', ({ searchParams }) => searchParams.append('state', 'x')],
  ['no code', ({ searchParams }) => searchParams.delete('code')],
  ['two codes', ({ searchParams }) => searchParams.append('code', 'c2')],
  ['another issuer', ({ searchParams }) => searchParams.set('iss', 'https://evil.invalid')],
  ['no issuer, where the provider always sends it', ({ searchParams }) => searchParams.delete('iss')],
  [
    'an error',
    ({ searchParams }) => {
      searchParams.delete('code')
      searchParams.set('error', 'access_denied')
    },
  ],
  ['a code beside an error', ({ searchParams }) => searchParams.set('error', 'access_denied')],
  ['an ID token in place of a code', ({ searchParams }) => searchParams.set('response', 'x.y.z')],
])('sign-in - a browser that comes back with %s is not signed in', async (_, change) => {
  const begun = await begin()
  change(begun.callback)
  if (begun.callback.searchParams.has('response')) begun.callback.searchParams.delete('code')
  expect(await finishing(begun)).toBe('UNAUTHENTICATED')
  expect(provider.grants).toEqual([])
})

test('sign-in - a callback is good once, and a code is, too', async () => {
  const begun = await begin()
  await signIn.finish(begun.callback, begun.sealed)
  expect(await finishing(begun)).toBe('UNAUTHENTICATED')
  expect(provider.grants).toHaveLength(1)
  const second = await begin()
  expect(await finishing(second)).toBe('UNAUTHENTICATED')
})

test('sign-in - a code that somebody else asked for is worth nothing here (PKCE)', async () => {
  const [mine, theirs] = [await begin(), await begin()]
  // The thief's state and their own cookie, but the code of the victim: the provider holds the victim's challenge.
  provider.asked.challenge = mine.url.searchParams.get('code_challenge') ?? ''
  expect(await finishing(theirs)).toBe('UNAUTHENTICATED')
})

test.each<[string, (sealed: string) => string]>([
  ['nothing', () => ''],
  ['a text', () => 'x'],
  ['five empty parts', () => '....'],
  [
    'one character changed',
    (sealed) => sealed.slice(0, -3) + (sealed.at(-3) === 'A' ? 'B' : 'A') + sealed.slice(-2),
  ],
  ['its tag cut off', (sealed) => sealed.slice(0, sealed.lastIndexOf('.') + 1)],
  [
    'another algorithm',
    (sealed) => [part({ alg: 'none', enc: 'none' }), ...sealed.split('.').slice(1)].join('.'),
  ],
  ['a length without end', (sealed) => `${sealed}${'A'.repeat(100_000)}`],
])('sign-in - a sealed sign-in with %s opens nothing', async (_, change) => {
  const begun = await begin()
  expect(await finishing({ ...begun, sealed: change(begun.sealed) })).toBe('UNAUTHENTICATED')
  expect(provider.grants).toEqual([])
})

test('sign-in - what another process sealed, and what is older than ten minutes, opens nothing', async () => {
  const begun = await begin()
  expect(await codeOf(createFor(provider).finish(begun.callback, begun.sealed))).toBe('UNAUTHENTICATED')
  advance(600_001)
  expect(await finishing(begun)).toBe('UNAUTHENTICATED')
})

test('sign-in - one browser’s cookie does not finish another browser’s sign-in', async () => {
  const [mine, theirs] = [await begin(), await begin()]
  expect(await codeOf(signIn.finish(theirs.callback, mine.sealed))).toBe('UNAUTHENTICATED')
})

test('sign-in - of two issuers, one cannot answer for the other (mix-up)', async () => {
  const evil = await startLyingProvider(now)
  try {
    const both = createFor(provider, evil)
    const begun = await begin('/', evil, both)
    begun.callback.searchParams.set('iss', provider.issuer.issuer)
    expect(await finishing(begun, both)).toBe('UNAUTHENTICATED')
    expect(provider.grants.concat(evil.grants)).toEqual([])
    const again = await begin('/', evil, both)
    evil.lies = { idToken: (said) => provider.sign({ ...said, iss: provider.issuer.issuer }) }
    expect(await finishing(again, both)).toBe('UNAUTHENTICATED')
    expect(both.issuers().map(({ issuer }) => issuer)).toEqual([provider.issuer.issuer, evil.issuer.issuer])
  } finally {
    await evil.stop()
  }
})

test.each<[string, NonNullable<Lies['metadata']>]>([
  ['of another issuer', (honest) => ({ ...honest, issuer: 'https://evil.invalid' })],
  ['of no issuer', (honest) => ({ ...honest, issuer: undefined })],
  ['that are no JSON', () => respond(200, '<html>')],
  ['that are a list', () => respond(200, '[]')],
  ['of another type', () => respond(200, '{}', { 'content-type': 'text/html' })],
  ['behind a redirect', () => respond(302, '', { location: 'https://evil.invalid/' })],
  ['that are an error', () => respond(503, '{}')],
  ['of two megabytes', (honest) => ({ ...honest, padding: 'x'.repeat(2 ** 21) })],
])('sign-in - metadata %s are not used, and it recovers', async (_, metadata) => {
  provider.lies = { metadata }
  expect(await codeOf(begin())).toBe('UNAVAILABLE')
  provider.lies = {}
  const begun = await begin()
  expect(await signIn.finish(begun.callback, begun.sealed)).toMatchObject({ person: { sub: 'u1' } })
})

test('sign-in - a provider that takes longer than five seconds is not waited for', async () => {
  const patience = new AbortController()
  const timeout = vi.spyOn(AbortSignal, 'timeout').mockReturnValue(patience.signal)
  try {
    provider.lies = {
      metadata: () => {
        patience.abort(new DOMException('The operation timed out.', 'TimeoutError'))
        return new Promise(() => {})
      },
    }
    expect(await codeOf(begin())).toBe('UNAVAILABLE')
    expect(timeout).toHaveBeenCalledWith(5_000)
  } finally {
    timeout.mockRestore()
  }
})

test('sign-in - metadata over plain HTTP are not fetched, nor is a token endpoint', async () => {
  const issuer = { ...provider.issuer, issuer: 'http://idp.example.com' }
  const plain = createSignIn({ issuers: [issuer], redirectUri: () => REDIRECT_URI }, { now: now })
  expect(await codeOf(plain.begin({ returnTo: '/' }))).toBe('INVALID_CONFIG')
  provider.lies = {
    metadata: (honest) => ({ ...honest, token_endpoint: 'http://idp.example.com/token' }),
  }
  expect(await finishing(await begin())).toBe('INVALID_CONFIG')
})

test.each(['http://idp.example.com/authorize', 'javascript:alert(1)', 'data:text/html,x', '', undefined])(
  'sign-in - no browser is sent to %s',
  async (endpoint) => {
    provider.lies = { metadata: (honest) => ({ ...honest, authorization_endpoint: endpoint }) }
    expect(await codeOf(begin())).toBe('INVALID_CONFIG')
  },
)

test.each<[string, NonNullable<Lies['token']>, string]>([
  ['refuses the code', () => respond(400, '{"error":"invalid_grant"}'), 'UNAUTHENTICATED'],
  ['fails', () => respond(500, '{}'), 'UNAVAILABLE'],
  ['redirects', () => respond(307, '', { location: 'https://evil.invalid/' }), 'UNAUTHENTICATED'],
  ['says nothing that is JSON', () => respond(200, 'hello'), 'UNAUTHENTICATED'],
  ['never stops talking', (honest) => ({ ...honest, padding: 'x'.repeat(2 ** 21) }), 'UNAVAILABLE'],
  ['gives a token of another type', (honest) => ({ ...honest, token_type: 'mac' }), 'UNAUTHENTICATED'],
])('sign-in - a token endpoint that %s signs nobody in', async (_, token, code) => {
  const begun = await begin()
  provider.lies = { token }
  expect(await finishing(begun)).toBe(code)
})

test('sign-in - keys that cannot be had are no word about whoever signs in', async () => {
  const begun = await begin()
  provider.lies = { keys: () => respond(500, '{}') }
  expect(await finishing(begun)).toBe('UNAVAILABLE')
})

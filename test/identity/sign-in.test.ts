import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createSignIn, localPath, type SignIn } from '#identity'
import { codeOf } from '../support/held.ts'
import { type Lies, type LyingProvider, startLyingProvider } from './lying-provider.ts'

const NOW_S = 1_800_000_000
const REDIRECT_URI = 'http://127.0.0.1:7070/sign-in/callback'

let nowMs: number
let provider: LyingProvider
let signIn: SignIn
beforeEach(async () => {
  nowMs = NOW_S * 1000
  provider = await startLyingProvider(() => nowMs)
  signIn = createFor(provider)
})
afterEach(() => provider.stop())

const createFor = (...providers: LyingProvider[]): SignIn =>
  createSignIn(
    { issuers: providers.map(({ issuer }) => issuer), redirectUri: () => REDIRECT_URI },
    { now: () => nowMs },
  )

interface Begun {
  url: URL
  sealed: string
  callback: URL
}

/** Up to the moment at which the browser comes back with a code. */
async function begin(returnTo = '/', at = provider): Promise<Begun> {
  const begun = await signIn.begin({ issuer: at.issuer.issuer, returnTo })
  const url = new URL(begun.url)
  const callback = new URL(REDIRECT_URI)
  callback.searchParams.set('code', 'c1')
  callback.searchParams.set('state', url.searchParams.get('state') ?? '')
  callback.searchParams.set('iss', at.issuer.issuer)
  at.asked = {
    nonce: url.searchParams.get('nonce') ?? '',
    challenge: url.searchParams.get('code_challenge') ?? '',
  }
  return { url, sealed: begun.sealed, callback }
}

const finishing = async ({ callback, sealed }: Begun): Promise<unknown> =>
  codeOf(signIn.finish(callback, sealed))

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

const claims = (change: Record<string, unknown>): Lies => ({ claims: (honest) => ({ ...honest, ...change }) })
const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

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

test('sign-in - the verifier always travels, even where the provider would not ask for it', async () => {
  const begun = await begin()
  await signIn.finish(begun.callback, begun.sealed)
  expect(provider.grants[0]?.get('code_verifier')).toMatch(/^[\w-]{43}$/)
  expect(provider.grants[0]?.get('redirect_uri')).toBe(REDIRECT_URI)
})

test('sign-in - the address of the callback is ours, whatever host the browser names', async () => {
  const { callback, sealed } = await begin()
  await signIn.finish(new URL(`http://evil.invalid/x${callback.search}`), sealed)
  expect(provider.grants[0]?.get('redirect_uri')).toBe(REDIRECT_URI)
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
  nowMs += 600_001
  expect(await finishing(begun)).toBe('UNAUTHENTICATED')
})

test('sign-in - one browser’s cookie does not finish another browser’s sign-in', async () => {
  const [mine, theirs] = [await begin(), await begin()]
  expect(await codeOf(signIn.finish(theirs.callback, mine.sealed))).toBe('UNAUTHENTICATED')
})

test('sign-in - of two issuers, one cannot answer for the other (mix-up)', async () => {
  const evil = await startLyingProvider(() => nowMs)
  try {
    signIn = createFor(provider, evil)
    const begun = await begin('/', evil)
    begun.callback.searchParams.set('iss', provider.issuer.issuer)
    expect(await finishing(begun)).toBe('UNAUTHENTICATED')
    expect(provider.grants.concat(evil.grants)).toEqual([])
    const again = await begin('/', evil)
    evil.lies = { idToken: (said) => provider.sign({ ...said, iss: provider.issuer.issuer }) }
    expect(await finishing(again)).toBe('UNAUTHENTICATED')
    expect(signIn.issuers().map(({ issuer }) => issuer)).toEqual([provider.issuer.issuer, evil.issuer.issuer])
  } finally {
    await evil.stop()
  }
})

const respond = (status: number, body: string, headers: Record<string, string> = {}): Response =>
  new Response(body, { status, headers: { 'content-type': 'application/json', ...headers } })

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
  const plain = createSignIn({ issuers: [issuer], redirectUri: () => REDIRECT_URI }, { now: () => nowMs })
  expect(await codeOf(plain.begin({ returnTo: '/' }))).toBe('INVALID_CONFIG')
  provider.lies = {
    metadata: (honest) => ({ ...honest, token_endpoint: 'http://idp.example.com/token' }),
  }
  expect(await finishing(await begin())).toBe('INVALID_CONFIG')
})

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

test('sign-in - a provider that is away is unavailable, and one that is not configured is not found', async () => {
  expect(await codeOf(signIn.begin({ issuer: 'https://evil.invalid', returnTo: '/' }))).toBe('NOT_FOUND')
  await provider.stop()
  expect(await codeOf(begin())).toBe('UNAVAILABLE')
  provider = await startLyingProvider(() => nowMs)
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
  signIn = createFor(provider)
  const begun = await begin()
  expect(begun.url.href + begun.sealed).not.toContain('s3cret')
  expect(begun.url.searchParams.get('scope')).toBe('openid profile groups')
  await signIn.finish(begun.callback, begun.sealed)
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
  nowMs += 500_000
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

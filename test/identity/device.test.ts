import { afterEach, beforeEach, expect, test } from 'vitest'
import { type DevicePrompt, signInByDevice, type Tokens } from '#identity'
import { codeOf } from '../support/held.ts'
import { type Lies, type LyingProvider, startLyingProvider } from './lying-provider.ts'

let nowMs: number
let provider: LyingProvider
/** How long each pause was meant to be; no time passes but here. */
let pausesMs: number[]
let shown: DevicePrompt[]
let stop: AbortController
beforeEach(async () => {
  nowMs = 1_800_000_000_000
  provider = await startLyingProvider(() => nowMs)
  pausesMs = []
  shown = []
  stop = new AbortController()
})
afterEach(() => provider.stop())

const signIn = (): Promise<Tokens> =>
  signInByDevice(provider.issuer, {
    now: () => nowMs,
    sleep: async (ms, { signal }) => {
      signal.throwIfAborted()
      pausesMs.push(ms)
      nowMs += ms
    },
    signal: stop.signal,
    show: (prompt) => void shown.push(prompt),
  })

const respond = (status: number, body: unknown): Response =>
  new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } })

/** Answers each poll by the next of these, and honestly when there are none left. */
const answering = (...errors: string[]): Lies => ({
  token: (honest) => {
    const error = errors.shift()
    return error === undefined ? honest : respond(400, { error })
  },
})

test('device flow - the code is shown once, and the token comes when somebody has signed in elsewhere', async () => {
  provider.lies = answering('authorization_pending', 'authorization_pending')
  expect(await signIn()).toMatchObject({ idToken: expect.any(String), refreshToken: 'r3' })
  expect(shown).toEqual([{ url: `${provider.issuer.issuer}/enter`, userCode: 'BCDF-GHJK' }])
  expect(pausesMs).toEqual([5_000, 5_000, 5_000])
  expect(provider.grants[0]?.get('device_code')).toBe('d1')
})

test('device flow - told to slow down, it asks five seconds less often each time', async () => {
  provider.lies = answering('slow_down', 'authorization_pending', 'slow_down')
  await signIn()
  expect(pausesMs).toEqual([5_000, 10_000, 10_000, 15_000])
})

test('device flow - an issuer that fails in between is asked again, less often', async () => {
  let failed = false
  provider.lies = {
    token: (honest) => {
      if (failed) return honest
      failed = true
      return respond(503, {})
    },
  }
  expect(await signIn()).toMatchObject({ refreshToken: 'r2' })
  expect(pausesMs).toEqual([5_000, 10_000])
})

test.each(['access_denied', 'expired_token', 'invalid_grant', 'invalid_client'])(
  'device flow - the answer %s ends it',
  async (error) => {
    provider.lies = answering('authorization_pending', error)
    expect(await codeOf(signIn())).toBe('UNAUTHENTICATED')
    expect(provider.grants).toHaveLength(2)
  },
)

test('device flow - a code that nobody enters expires, and nothing more is asked', async () => {
  provider.lies = {
    device: (honest) => ({ ...honest, expires_in: 12 }),
    token: () => respond(400, { error: 'authorization_pending' }),
  }
  expect(await codeOf(signIn())).toBe('UNAUTHENTICATED')
  expect(provider.grants).toHaveLength(2)
})

test('device flow - Ctrl-C ends it', async () => {
  provider.lies = {
    token: () => {
      stop.abort()
      return respond(400, { error: 'authorization_pending' })
    },
  }
  expect(await codeOf(signIn())).toBe('UNAVAILABLE')
  expect(provider.grants).toHaveLength(1)
})

test.each<[string, Record<string, unknown>, number]>([
  ['an interval of nothing', { interval: 0.001 }, 1_000],
  ['an interval of a year', { interval: 31_536_000 }, 60_000],
  ['no interval', { interval: undefined }, 5_000],
])('device flow - %s is neither a busy loop nor an endless one', async (_, change, pauseMs) => {
  provider.lies = { device: (honest) => ({ ...honest, ...change }) }
  await signIn()
  expect(pausesMs).toEqual([pauseMs])
})

test('device flow - a code that is good for years is waited for half an hour', async () => {
  provider.lies = {
    device: (honest) => ({ ...honest, expires_in: 1e9, interval: 60 }),
    token: () => respond(400, { error: 'authorization_pending' }),
  }
  expect(await codeOf(signIn())).toBe('UNAUTHENTICATED')
  expect(pausesMs).toHaveLength(30)
})

test.each([
  'http://evil.invalid/enter',
  'javascript:alert(1)',
  'file:///etc/passwd',
  'ftp://idp.example.com/',
  'http://127.0.0.1.evil.invalid/',
])('device flow - nobody is sent to %s', async (address) => {
  for (const name of ['verification_uri', 'verification_uri_complete']) {
    provider.lies = { device: (honest) => ({ ...honest, [name]: address }) }
    expect(await codeOf(signIn())).toBe('INVALID_CONFIG')
  }
  expect(shown).toEqual([])
})

test('device flow - what the issuer wants shown does not steer the terminal', async () => {
  provider.lies = {
    device: (honest) => ({
      ...honest,
      user_code: '\u001b[2JABC\nsigned in\u202e',
      verification_uri_complete: 'https://idp.example.com/\u001b[31m\n',
    }),
  }
  await signIn()
  expect(shown[0]?.userCode).toBe('\\u{1b}[2JABC\\u{a}signed in\\u{202e}')
  expect(shown[0]?.completeUrl).toBe('https://idp.example.com/%1B[31m')
})

test.each<[string, Lies]>([
  ['without a code', { device: (honest) => ({ ...honest, user_code: undefined }) }],
  ['without an address', { device: (honest) => ({ ...honest, verification_uri: undefined }) }],
  ['that never expires', { device: (honest) => ({ ...honest, expires_in: 'never' }) }],
  ['that is refused', { device: () => respond(400, { error: 'unauthorized_client' }) }],
])('device flow - an answer %s shows nothing', async (_, lies) => {
  provider.lies = lies
  expect(await codeOf(signIn())).toBe('UNAUTHENTICATED')
  expect(shown).toEqual([])
})

test('device flow - an issuer that does not offer it says so', async () => {
  provider.lies = { metadata: ({ device_authorization_endpoint: _, ...honest }) => honest }
  await expect(signIn()).rejects.toThrow(/offers no sign-in for terminals/)
})

test('device flow - an answer without an ID token signs nobody in', async () => {
  provider.lies = { idToken: () => undefined }
  expect(await codeOf(signIn())).toBe('UNAUTHENTICATED')
})

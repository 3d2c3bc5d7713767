import { createHash } from 'node:crypto'
import { SignJWT } from 'jose'
import { beforeEach, expect, test } from 'vitest'
import { HoldpointError } from '#contract'
import { createSessions, type Person, type Sessions, type SessionsConfig, type Tokens } from '#identity'
import { createFakeLog } from '../support/log.ts'

const HOUR_MS = 3_600_000
const ISS = 'https://idp.invalid'
const FIREFOX = 'Firefox'

let nowMs: number
let refreshed: Tokens[]
/** What the issuer answers to a refresh. */
let refresh: (tokens: Tokens) => Promise<Tokens | undefined>
beforeEach(() => {
  nowMs = 1_800_000_000_000
  refreshed = []
  refresh = async () => ({ idToken: await token(), refreshToken: 'next' })
})

const sessionsOf = (config: SessionsConfig = {}): Sessions =>
  createSessions(config, {
    now: () => nowMs,
    log: createFakeLog(),
    signIn: {
      refresh: (tokens) => {
        refreshed.push(tokens)
        return refresh(tokens)
      },
    },
  })

const token = (claims: Record<string, unknown> = {}, lifeMs = HOUR_MS): Promise<string> =>
  new SignJWT({ iss: ISS, sub: 'u1', exp: Math.floor((nowMs + lifeMs) / 1000), ...claims } as never)
    .setProtectedHeader({ alg: 'HS256' })
    .sign(Buffer.alloc(32))

const person: Person = { iss: ISS, sub: 'u1', name: 'Ursula', groups: [], assurance: 'login', service: false }
const signedIn = async (lifeMs = 24 * HOUR_MS, refreshToken: string | undefined = 'first') => ({
  person,
  tokens: { idToken: await token({}, lifeMs), ...(refreshToken ? { refreshToken } : {}) },
})

test('sessions - a cookie leads to its session, with the token for the broker and one secret for its forms', async () => {
  const sessions = sessionsOf()
  const { tokens } = await signedIn()
  const id = sessions.open({ person, tokens }, FIREFOX)
  expect(id).toMatch(/^[\w-]{43}$/)
  const session = await sessions.find(id, FIREFOX)
  expect(session).toEqual({
    person,
    token: tokens.idToken,
    csrf: expect.stringMatching(/^[\w-]{43}$/),
    expiresAtMs: nowMs + 8 * HOUR_MS,
  })
  expect((await sessions.find(id, FIREFOX))?.csrf).toBe(session?.csrf)
  expect(session?.csrf).not.toBe(createHash('sha256').update(id).digest('base64url'))
})

test('sessions - two sessions of one person share neither their cookie nor the secret of their forms', async () => {
  const sessions = sessionsOf()
  const [one, other] = [sessions.open(await signedIn(), FIREFOX), sessions.open(await signedIn(), FIREFOX)]
  expect(one).not.toBe(other)
  expect((await sessions.find(one, FIREFOX))?.csrf).not.toBe((await sessions.find(other, FIREFOX))?.csrf)
})

test.each(['', 'chosen-by-somebody', 'A'.repeat(43), '__proto__', 'x'.repeat(100_000)])(
  'sessions - an identifier that nobody was given leads nowhere (%#)',
  async (id) => {
    const sessions = sessionsOf()
    sessions.open(await signedIn(), FIREFOX)
    expect(await sessions.find(id, FIREFOX)).toBeUndefined()
  },
)

test('sessions - what the server keeps of a cookie does not open its session', async () => {
  const sessions = sessionsOf()
  const id = sessions.open(await signedIn(), FIREFOX)
  const kept = createHash('sha256').update(id).digest('base64url')
  expect(await sessions.find(kept, FIREFOX)).toBeUndefined()
})

test('sessions - a stolen cookie in another browser ends the session for both', async () => {
  const sessions = sessionsOf()
  const id = sessions.open(await signedIn(), FIREFOX)
  expect(await sessions.find(id, 'curl')).toBeUndefined()
  expect(await sessions.find(id, FIREFOX)).toBeUndefined()
})

test('sessions - signed out is signed out, and signing out twice or by a stranger changes nothing else', async () => {
  const sessions = sessionsOf()
  const [mine, theirs] = [sessions.open(await signedIn(), FIREFOX), sessions.open(await signedIn(), FIREFOX)]
  sessions.close(mine)
  sessions.close(mine)
  sessions.close('x')
  expect(await sessions.find(mine, FIREFOX)).toBeUndefined()
  expect(await sessions.find(theirs, FIREFOX)).toBeDefined()
})

test('sessions - one that is not used for eight hours ends, and one that is lasts for twelve', async () => {
  const sessions = sessionsOf()
  const [idle, used] = [sessions.open(await signedIn(), FIREFOX), sessions.open(await signedIn(), FIREFOX)]
  nowMs += 5 * HOUR_MS
  expect((await sessions.find(used, FIREFOX))?.expiresAtMs).toBe(nowMs + 7 * HOUR_MS)
  nowMs += 3 * HOUR_MS
  expect(await sessions.find(idle, FIREFOX)).toBeUndefined()
  nowMs += 4 * HOUR_MS - 1
  expect(await sessions.find(used, FIREFOX)).toBeDefined()
  nowMs += 1
  expect(await sessions.find(used, FIREFOX)).toBeUndefined()
})

test('sessions - a page that is left open asks again and again, and keeps its session no longer for that', async () => {
  const sessions = sessionsOf()
  const id = sessions.open(await signedIn(), FIREFOX)
  const seen = await sessions.find(id, FIREFOX)
  for (let hour = 1; hour < 8; hour++) {
    nowMs += HOUR_MS
    expect(await sessions.peek(id, FIREFOX)).toEqual(seen)
  }
  nowMs += HOUR_MS
  expect(await sessions.peek(id, FIREFOX)).toBeUndefined()
  expect(await sessions.find(id, FIREFOX)).toBeUndefined()
})

test('sessions - an open page has its token renewed, and does not go before those that somebody uses', async () => {
  const sessions = sessionsOf({ most: 2 })
  const [open, used] = [
    sessions.open(await signedIn(HOUR_MS), FIREFOX),
    sessions.open(await signedIn(), FIREFOX),
  ]
  nowMs += HOUR_MS - 30_000
  expect((await sessions.peek(open, FIREFOX))?.token).toBe(await token())
  sessions.open(await signedIn(), FIREFOX)
  expect(await sessions.find(open, FIREFOX)).toBeUndefined()
  expect(await sessions.find(used, FIREFOX)).toBeDefined()
})

test('sessions - beyond their number the one idle for longest ends', async () => {
  const sessions = sessionsOf({ most: 3 })
  const ids = []
  for (let one = 0; one < 3; one++) ids.push(sessions.open(await signedIn(), FIREFOX))
  const [first = '', second = '', third = ''] = ids
  await sessions.find(first, FIREFOX)
  const fourth = sessions.open(await signedIn(), FIREFOX)
  expect(await sessions.find(second, FIREFOX)).toBeUndefined()
  for (const id of [first, third, fourth]) expect(await sessions.find(id, FIREFOX)).toBeDefined()
})

test('sessions - a token is renewed a minute before it expires, and the person with it', async () => {
  const sessions = sessionsOf()
  const id = sessions.open(await signedIn(HOUR_MS), FIREFOX)
  nowMs += HOUR_MS - 60_001
  await sessions.find(id, FIREFOX)
  expect(refreshed).toEqual([])
  nowMs += 1
  const idToken = await token({ name: 'Ursula U.', groups: ['sre'] })
  refresh = async () => ({ idToken, refreshToken: 'second' })
  expect(await sessions.find(id, FIREFOX)).toMatchObject({
    token: idToken,
    person: { sub: 'u1', name: 'Ursula U.', groups: [`oidc:${ISS}#group/sre`, `oidc:${ISS}#sub/u1`] },
  })
  nowMs += HOUR_MS
  await sessions.find(id, FIREFOX)
  expect(refreshed.map(({ refreshToken }) => refreshToken)).toEqual(['first', 'second'])
})

test('sessions - twenty requests at once renew once, and all get the new token', async () => {
  const sessions = sessionsOf()
  const id = sessions.open(await signedIn(30_000), FIREFOX)
  const idToken = await token()
  refresh = async () => ({ idToken, refreshToken: 'next' })
  const found = await Promise.all(Array.from({ length: 20 }, () => sessions.find(id, FIREFOX)))
  expect(found.map((session) => session?.token)).toEqual(Array(20).fill(idToken))
  expect(refreshed).toHaveLength(1)
})

test('sessions - who signs out while the token is renewed stays signed out', async () => {
  const sessions = sessionsOf()
  const id = sessions.open(await signedIn(30_000), FIREFOX)
  const idToken = await token()
  refresh = async () => {
    sessions.close(id)
    return { idToken }
  }
  expect(await sessions.find(id, FIREFOX)).toBeUndefined()
  expect(await sessions.find(id, FIREFOX)).toBeUndefined()
})

test.each<[string, () => Promise<Tokens | undefined>]>([
  ['refuses', async () => undefined],
  ['is away', () => Promise.reject(new HoldpointError('UNAVAILABLE'))],
  ['gives another person’s token', async () => ({ idToken: await token({ sub: 'u2' }) })],
  ['gives another issuer’s token', async () => ({ idToken: await token({ iss: 'https://evil.invalid' }) })],
  ['gives one that is no token', async () => ({ idToken: 'x' })],
])(
  'sessions - where the issuer %s, the session lasts as long as its token and no longer',
  async (_, answer) => {
    const sessions = sessionsOf()
    const given = await signedIn(30_000)
    const id = sessions.open(given, FIREFOX)
    refresh = answer
    expect(await sessions.find(id, FIREFOX)).toMatchObject({
      token: given.tokens.idToken,
      person: { sub: 'u1' },
    })
    nowMs += 30_001
    expect(await sessions.find(id, FIREFOX)).toBeUndefined()
    expect(await sessions.find(id, FIREFOX)).toBeUndefined()
  },
)

test('sessions - an issuer that is away is asked every ten seconds, one that refused never again', async () => {
  const sessions = sessionsOf()
  const id = sessions.open(await signedIn(50_000), FIREFOX)
  refresh = () => Promise.reject(new HoldpointError('UNAVAILABLE'))
  for (let second = 0; second < 20; second++) {
    await sessions.find(id, FIREFOX)
    nowMs += 1_000
  }
  expect(refreshed).toHaveLength(2)
  refresh = async () => undefined
  for (let second = 0; second < 20; second++) {
    await sessions.find(id, FIREFOX)
    nowMs += 1_000
  }
  expect(refreshed).toHaveLength(3)
})

test('sessions - without a refresh token nobody is asked, and the session ends with its token', async () => {
  const sessions = sessionsOf()
  const id = sessions.open(await signedIn(HOUR_MS, ''), FIREFOX)
  nowMs += HOUR_MS - 1
  expect(await sessions.find(id, FIREFOX)).toBeDefined()
  nowMs += 1_000
  expect(await sessions.find(id, FIREFOX)).toBeUndefined()
  expect(refreshed).toEqual([])
})

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeJwt } from 'jose'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  createDevelopmentIssuer,
  createIdentity,
  createSignIn,
  DEVELOPMENT_ISSUER,
  type DevelopmentIssuer,
  developmentRefusal,
  type SignIn,
  signInAs,
  signInByDevice,
} from '#identity'
import { readConfig } from '#runtime'
import { codeOf } from '../support/held.ts'
import { createFakeLog } from '../support/log.ts'
import { type Browser, createBrowser, hiddenFields } from './browser.ts'

const REDIRECT_URI = 'http://localhost:7070/sign-in/callback'

let dir: string
let issuer: DevelopmentIssuer
let clock: { now: () => number; aheadMs: number }
let signIn: SignIn
let browser: Browser
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'holdpoint-people-'))
  clock = { aheadMs: 0, now: () => Date.now() + clock.aheadMs }
  await start()
})
afterEach(async () => {
  await issuer.stop()
  rmSync(dir, { recursive: true, force: true })
})

async function start(): Promise<void> {
  issuer = createDevelopmentIssuer({ dir, port: 0 }, { now: clock.now, log: createFakeLog() })
  await issuer.start()
  signIn = createSignIn({ issuers: [issuer.trusted()], redirectUri: () => REDIRECT_URI }, { now: Date.now })
  browser = createBrowser(issuer.url())
}

const passphrase = (): string => readFileSync(issuer.passphraseFile, 'utf8').trim()
const signInBy = (person: string, given = passphrase()) =>
  signInAs(issuer.trusted().discoveryUrl ?? '', { person, passphrase: given })

/** As somebody who has pressed "Sign in" on the console: the page with the people. */
async function openPage() {
  const { url, sealed } = await signIn.begin({ returnTo: '/' })
  return { sealed, page: await browser.get(url) }
}

test('development sign-in - the passphrase makes anybody of its people, whom a broker believes', async () => {
  const identity = createIdentity({ issuers: [issuer.trusted()] }, { now: Date.now })
  for (const person of ['alice', 'bob', 'carol']) {
    const { idToken, refreshToken } = await signInBy(person)
    expect(await identity.verifyToken(idToken)).toMatchObject({
      iss: DEVELOPMENT_ISSUER,
      sub: person,
      service: false,
      assurance: 'login',
      amr: ['pwd'],
      authTime: expect.any(Number),
    })
    expect(decodeJwt(idToken).aud).toBe('holdpoint')
    expect(refreshToken).toMatch(/^[\w-]{20,}$/)
  }
})

test('development sign-in - its page says what it is, asks once, and then switches people by one click', async () => {
  const { page, sealed } = await openPage()
  expect(page.text).toContain('Development sign-in: made-up people, this machine only')
  expect(page.text).toContain('Carol Chen</strong> carol, in sre, data-owners, security-oncall')
  expect(page.text).toContain('name="passphrase"')
  const done = await browser.post(page.url, { person: 'bob', passphrase: passphrase() })
  expect(done.url.origin + done.url.pathname).toBe(REDIRECT_URI)
  expect((await signIn.finish(done.url, sealed)).person).toMatchObject({ sub: 'bob', name: 'Bob Berger' })

  for (const person of ['carol', 'bob', 'alice']) {
    const again = await openPage()
    expect(again.page.text).not.toContain('name="passphrase"')
    const back = await browser.post(again.page.url, { person })
    expect((await signIn.finish(back.url, again.sealed)).person.sub).toBe(person)
  }
})

test('development sign-in - its page runs no script, loads nothing, cannot be framed and keeps its address', async () => {
  const { page } = await openPage()
  expect(page.text).not.toMatch(/<script|javascript:|\son\w+=/i)
  expect(page.headers.get('content-security-policy')).toMatch(
    /^default-src 'none'; style-src 'sha256-[^']+'; form-action 'self' http:\/\/localhost:7070; base-uri 'none'; frame-ancestors 'none'$/,
  )
  expect(page.headers.get('x-frame-options')).toBe('DENY')
  expect(page.headers.get('cache-control')).toBe('no-store')
  expect(page.headers.get('referrer-policy')).toBe('same-origin')
})

test.each<[string, string, string]>([
  ['another passphrase', 'bob', 'f00d-f00d-f00d-f00d'],
  ['no passphrase', 'bob', ''],
  ['a space', 'bob', ' '],
  ['nobody’s name', 'mallory', 'right'],
  ['a path for a name', '../bob', 'right'],
  ['a name that every object has', 'constructor', 'right'],
  ['no name', '', 'right'],
])('development sign-in - %s signs nobody in', async (_, person, given) => {
  const refused = signInBy(person, given === 'right' ? passphrase() : given)
  expect(await codeOf(refused)).toBe('UNAUTHENTICATED')
})

test('development sign-in - five wrong passphrases close it for half a minute, to the right one too', async () => {
  for (let guess = 0; guess < 5; guess++)
    expect(await codeOf(signInBy('bob', 'wrong'))).toBe('UNAUTHENTICATED')
  const { page } = await openPage()
  expect((await browser.post(page.url, { person: 'bob', passphrase: passphrase() })).status).toBe(429)
  clock.aheadMs = 29_000
  expect((await browser.post(page.url, { person: 'bob', passphrase: passphrase() })).status).toBe(429)
  clock.aheadMs = 30_001
  expect((await browser.post(page.url, { person: 'bob', passphrase: passphrase() })).url.host).toBe(
    'localhost:7070',
  )
})

test('development sign-in - a passphrase file that a crash left empty lets nobody in', async () => {
  const { page } = await openPage()
  await browser.post(page.url, { person: 'bob', passphrase: passphrase() })
  writeFileSync(issuer.passphraseFile, '')
  expect(await codeOf(signInBy('bob', ''))).toBe('UNAUTHENTICATED')
  const again = await openPage()
  expect((await browser.post(again.page.url, { person: 'bob' })).status).toBe(403)
})

test('development sign-in - another passphrase makes what browsers remember worthless', async () => {
  const { page } = await openPage()
  await browser.post(page.url, { person: 'bob', passphrase: passphrase() })
  writeFileSync(issuer.passphraseFile, 'another\n')
  expect((await openPage()).page.text).toContain('name="passphrase"')
})

test.each<[string, Record<string, string>]>([
  ['another site', { origin: 'https://evil.invalid' }],
  ['another port of this machine', { origin: 'http://127.0.0.1:1' }],
  ['a sandboxed frame', { origin: 'null' }],
  ['nobody says where', {}],
])('development sign-in - a form sent from %s is refused, and is no guess', async (_, headers) => {
  const { page } = await openPage()
  for (let guess = 0; guess < 6; guess++)
    expect((await browser.post(page.url, { person: 'bob', passphrase: 'wrong' }, headers)).status).toBe(403)
  expect((await browser.post(page.url, { person: 'bob', passphrase: passphrase() }, headers)).status).toBe(
    403,
  )
  expect((await browser.post(page.url, { person: 'bob', passphrase: passphrase() })).url.host).toBe(
    'localhost:7070',
  )
})

test('development sign-in - the page of one browser is of no use in another, and of none when made up', async () => {
  const { page } = await openPage()
  const thief = createBrowser(issuer.url())
  expect((await thief.get(page.url)).status).toBe(400)
  expect((await thief.post(page.url, { person: 'bob', passphrase: passphrase() })).status).toBe(400)
  expect((await browser.get('/interaction/made-up')).status).toBe(400)
})

test.each(['evil.example', 'evil.example:PORT', '127.0.0.1', '127.0.0.1.evil.example:PORT', '0.0.0.0:PORT'])(
  'development sign-in - a request in the name of %s is refused (DNS rebinding)',
  async (host) => {
    const { port } = new URL(issuer.url())
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const headers = { host: host.replace('PORT', port) }
      request(`${issuer.url()}/.well-known/openid-configuration`, { headers }, (response) => {
        response.resume()
        resolve(response.statusCode)
      })
        .on('error', reject)
        .end()
    })
    expect(status).toBe(421)
  },
)

const authorization = (change: Record<string, string | undefined>): string => {
  const query: Record<string, string | undefined> = {
    client_id: 'holdpoint',
    response_type: 'code',
    redirect_uri: REDIRECT_URI,
    scope: 'openid',
    state: 's',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
    ...change,
  }
  const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return `/auth?${new URLSearchParams(given)}`
}

test.each(['http://127.0.0.1:1234', 'http://localhost:9', 'http://[::1]:65535', 'http://127.0.0.1'])(
  'development sign-in - %s may be where the console is',
  async (origin) => {
    const visit = await browser.get(authorization({ redirect_uri: `${origin}/sign-in/callback` }))
    expect(visit).toMatchObject({ status: 200, text: expect.stringContaining('Who are you?') })
  },
)

test.each([
  'https://evil.invalid/sign-in/callback',
  'http://evil.invalid/sign-in/callback',
  'http://127.0.0.1.evil.invalid/sign-in/callback',
  'http://127.0.0.1@evil.invalid/sign-in/callback',
  'http://127.0.0.1:7070/other',
  'http://127.0.0.1:7070/sign-in/callback/',
  'http://127.0.0.1:7070/sign-in/callback?x=1',
  'javascript:alert(1)',
])('development sign-in - nobody is sent on to %s', async (redirect) => {
  const visit = await browser.get(authorization({ redirect_uri: redirect }))
  expect(visit).toMatchObject({ status: 400, text: expect.stringContaining('invalid_redirect_uri') })
})

test.each<[string, Record<string, string | undefined>, string]>([
  ['without PKCE', { code_challenge: undefined, code_challenge_method: undefined }, 'invalid_request'],
  ['with plain PKCE', { code_challenge_method: 'plain' }, 'invalid_request'],
  ['for a token instead of a code', { response_type: 'id_token', nonce: 'n' }, 'unsupported_response_type'],
])('development sign-in - a request %s is refused', async (_, change, error) => {
  const { url } = await browser.get(authorization(change))
  expect(`${url.search}${url.hash}`).toContain(`error=${error}`)
})

test.each(['password', 'client_credentials', 'authorization_code', 'refresh_token', ''])(
  'development sign-in - the grant type %j gets nothing for name and passphrase',
  async (grant_type) => {
    const form = { grant_type, client_id: 'holdpoint', username: 'bob', password: passphrase() }
    const answer = await fetch(`${issuer.url()}/token`, { method: 'POST', body: new URLSearchParams(form) })
    expect(answer.status).toBe(400)
    expect(await answer.json()).not.toHaveProperty('id_token')
  },
)

test('development sign-in - a refresh token is good once', async () => {
  const first = await signInBy('bob')
  const second = await signIn.refresh(first)
  expect(decodeJwt(second?.idToken ?? '')).toMatchObject({ sub: 'bob', groups: ['sre', 'data-owners'] })
  expect(second?.refreshToken).not.toBe(first.refreshToken)
  expect(await signIn.refresh(first)).toBeUndefined()
})

test('development sign-in - only the public half of its key is published', async () => {
  const { keys } = (await (await fetch(issuer.trusted().jwksUri ?? '')).json()) as { keys: object[] }
  expect(keys).toHaveLength(1)
  expect(keys[0]).toMatchObject({ kty: 'OKP', crv: 'Ed25519', use: 'sig' })
  expect(keys[0]).not.toHaveProperty('d')
})

test('development sign-in - its secrets are readable by their owner alone, and outlive a restart', async () => {
  for (const file of ['issuer.jwk', 'passphrase']) expect(statSync(join(dir, file)).mode & 0o777).toBe(0o600)
  const before = passphrase()
  expect(before).toMatch(/^([0-9a-f]{4}-){3}[0-9a-f]{4}$/)
  const { idToken } = await signInBy('bob')
  await issuer.stop()
  await start()
  expect(passphrase()).toBe(before)
  const identity = createIdentity({ issuers: [issuer.trusted()] }, { now: Date.now })
  expect(await identity.verifyToken(idToken)).toMatchObject({ sub: 'bob' })
})

test.each<[Record<string, string>, string | undefined]>([
  [{}, undefined],
  [{ HOLDPOINT_HTTP_HOST: '::1', HOLDPOINT_HTTP_URL: 'http://localhost:7070' }, undefined],
  [{ HOLDPOINT_HTTP_HOST: '0.0.0.0' }, 'http.host: 0.0.0.0'],
  [{ HOLDPOINT_HTTP_HOST: '192.168.1.10' }, 'http.host: 192.168.1.10'],
  [{ HOLDPOINT_HTTP_HOST: 'localhost.evil.invalid' }, 'http.host'],
  [{ HOLDPOINT_HTTP_URL: 'https://holdpoint.example.com' }, 'http.url'],
  [{ HOLDPOINT_IDENTITY_ISSUERS: '[{issuer: "https://idp.example.com", audience: a}]' }, 'identity.issuers'],
])('development sign-in - with %j it is refused: %s', (env, problem) => {
  const refusal = developmentRefusal(readConfig({ env, cwd: dir }))
  if (problem === undefined) expect(refusal).toBeUndefined()
  else expect(refusal).toContain(problem)
})

test('development sign-in - a code of a terminal is typed in, checked, and signs that terminal in', async () => {
  const { device_code, user_code, verification_uri_complete } = await beginDevice()
  const filled = await browser.get(verification_uri_complete)
  expect(filled.text).toContain(`value="${user_code}"`)
  const shown = await browser.post('/device', { ...hiddenFields(filled.text), user_code })
  expect(shown.text).toContain('Is this your code?')
  expect(await pollDevice(device_code)).toMatchObject({ error: 'authorization_pending' })
  const people = await browser.post('/device', { ...hiddenFields(shown.text), confirm: 'yes' })
  expect(people.text).toContain('Who are you?')
  const done = await browser.post(people.url, { person: 'carol', passphrase: passphrase() })
  expect(done.text).toContain('Go back to the terminal')
  const tokens = await pollDevice(device_code)
  expect(decodeJwt(tokens.id_token ?? '')).toMatchObject({ sub: 'carol', aud: 'holdpoint', amr: ['pwd'] })
  expect(await pollDevice(device_code)).toMatchObject({ error: 'invalid_grant' })
})

test('development sign-in - `holdpoint login` gets the person that a browser chose meanwhile', async () => {
  const shown = Promise.withResolvers<string>()
  const chosen = Promise.withResolvers<void>()
  const signingIn = signInByDevice(issuer.trusted(), {
    now: Date.now,
    sleep: () => chosen.promise,
    signal: new AbortController().signal,
    show: ({ completeUrl = '' }) => shown.resolve(completeUrl),
  })
  const filled = await browser.get(await shown.promise)
  const user_code = /value="(\w{4}-\w{4})"/.exec(filled.text)?.[1] ?? ''
  const asked = await browser.post('/device', { ...hiddenFields(filled.text), user_code })
  const people = await browser.post('/device', { ...hiddenFields(asked.text), confirm: 'yes' })
  await browser.post(people.url, { person: 'bob', passphrase: passphrase() })
  chosen.resolve()
  expect(decodeJwt((await signingIn).idToken)).toMatchObject({ sub: 'bob' })
})

test('development sign-in - opening the link with the code in it changes nothing', async () => {
  const { device_code, verification_uri_complete } = await beginDevice()
  for (let visits = 0; visits < 3; visits++) await browser.get(verification_uri_complete)
  expect(await pollDevice(device_code)).toMatchObject({ error: 'authorization_pending' })
})

test('development sign-in - a code that was refused signs nobody in', async () => {
  const { device_code, user_code } = await beginDevice()
  const page = await browser.get('/device')
  const shown = await browser.post('/device', { ...hiddenFields(page.text), user_code })
  const refused = await browser.post('/device', { ...hiddenFields(shown.text), abort: 'yes' })
  expect(refused.text).toContain('Refused: nobody was signed in.')
  expect(await pollDevice(device_code)).toMatchObject({ error: 'access_denied' })
})

test.each(['', 'XXXX-XXXX', '<script>alert(1)</script>'])(
  'development sign-in - %j is no code of a terminal',
  async (user_code) => {
    const page = await browser.get('/device')
    const answer = await browser.post('/device', { ...hiddenFields(page.text), user_code })
    expect(answer.text).toMatch(/There is no such code|No code was given/)
    expect(answer.text).not.toContain('<script>')
  },
)

test('development sign-in - a code sent without its page’s own secret is refused', async () => {
  const { device_code, user_code } = await beginDevice()
  await browser.get('/device')
  await browser.post('/device', { xsrf: 'guessed', user_code, confirm: 'yes' })
  expect(await pollDevice(device_code)).toMatchObject({ error: 'authorization_pending' })
})

const post = async (path: string, form: Record<string, string>): Promise<Record<string, string>> =>
  (await fetch(issuer.url() + path, { method: 'POST', body: new URLSearchParams(form) })).json() as never

interface DeviceAnswer {
  device_code: string
  user_code: string
  verification_uri_complete: string
}
const beginDevice = async (): Promise<DeviceAnswer> =>
  (await post('/device/auth', { client_id: 'holdpoint', scope: 'openid profile' })) as never

const pollDevice = (device_code: string): Promise<Record<string, string>> =>
  post('/token', {
    client_id: 'holdpoint',
    grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
    device_code,
  })

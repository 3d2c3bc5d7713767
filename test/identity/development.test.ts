import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { decodeJwt } from 'jose'
import { expect, test } from 'vitest'
import { createIdentity, DEVELOPMENT_ISSUER, developmentRefusal } from '#identity'
import { readConfig } from '#runtime'
import { codeOf } from '../support/held.ts'
import {
  browser,
  clock,
  dir,
  issuer,
  openPage,
  passphrase,
  REDIRECT_URI,
  signIn,
  signInBy,
  start,
  useDevelopmentIssuer,
} from './development-scene.ts'

useDevelopmentIssuer()

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

test('development sign-in - Enter in the passphrase field chooses nobody', async () => {
  const { page, sealed } = await openPage()
  const asked = await browser.post(page.url, { passphrase: passphrase() })
  expect(asked).toMatchObject({ url: page.url, status: 200 })
  expect(asked.text).not.toContain('name="passphrase"')
  const back = await browser.post(page.url, { person: 'carol' })
  expect((await signIn.finish(back.url, sealed)).person.sub).toBe('carol')
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

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createDevelopmentIssuer, createIdentity, type DevelopmentIssuer, signIn } from '#identity'
import { codeOf } from '../support/held.ts'
import { createFakeLog } from '../support/log.ts'

let dir: string
let issuer: DevelopmentIssuer
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'holdpoint-people-'))
  issuer = createDevelopmentIssuer({ dir, port: 0 }, { now: Date.now, log: createFakeLog() })
  await issuer.start()
})
afterEach(async () => {
  await issuer.stop()
  rmSync(dir, { recursive: true, force: true })
})

const passphraseOf = (sub: string) => readFileSync(issuer.passphraseFile(sub), 'utf8').trim()
const post = (form: Record<string, string>) =>
  fetch(`${issuer.url()}/token`, { method: 'POST', body: new URLSearchParams(form) })

test('development sign-in - a passphrase gets its own person, whom a broker believes', async () => {
  const identity = createIdentity({ issuers: [issuer.trusted()] }, { now: Date.now })
  const token = await signIn(issuer.url(), 'bob', passphraseOf('bob'))
  expect(await identity.verifyToken(token)).toMatchObject({ sub: 'bob', service: false, assurance: 'login' })
})

test.each([
  ['alice', 'bob'],
  ['bob', 'alice'],
  ['mallory', 'bob'],
  ['../people/bob', 'bob'],
  ['constructor', 'bob'],
])('development sign-in - %s does not get in with the passphrase of %s', async (person, other) => {
  expect(await codeOf(signIn(issuer.url(), person, passphraseOf(other)))).toBe('UNAUTHENTICATED')
})

test('development sign-in - no passphrase, an empty one and half of one are wrong', async () => {
  for (const password of ['', ' ', passphraseOf('bob').slice(0, -1), `${passphraseOf('bob')}x`])
    expect(await codeOf(signIn(issuer.url(), 'bob', password))).toBe('UNAUTHENTICATED')
  expect((await post({ grant_type: 'password', username: 'bob' })).status).toBe(400)
})

test('development sign-in - a passphrase file that a crash left empty lets nobody in', async () => {
  writeFileSync(issuer.passphraseFile('bob'), '')
  expect(await codeOf(signIn(issuer.url(), 'bob', ''))).toBe('UNAUTHENTICATED')
})

test.each(['client_credentials', 'authorization_code', 'refresh_token', ''])(
  'development sign-in - the grant type %j is refused even with the right passphrase',
  async (grant_type) => {
    const answer = await post({ grant_type, username: 'bob', password: passphraseOf('bob') })
    expect(answer.status).toBe(400)
    expect(await answer.json()).toEqual({ error: 'unsupported_grant_type' })
  },
)

test('development sign-in - a GET gets no token', async () => {
  const query = new URLSearchParams({
    grant_type: 'password',
    username: 'bob',
    password: passphraseOf('bob'),
  })
  expect((await fetch(`${issuer.url()}/token?${query}`)).status).toBe(404)
})

test('development sign-in - only the public half of its key is published', async () => {
  const { keys } = (await (await fetch(`${issuer.url()}/jwks.json`)).json()) as { keys: object[] }
  expect(keys).toHaveLength(1)
  expect(keys[0]).not.toHaveProperty('d')
})

test('development sign-in - its secrets are readable by their owner alone, and outlive a restart', async () => {
  for (const file of ['issuer.jwk', 'alice.passphrase', 'bob.passphrase', 'carol.passphrase'])
    expect(statSync(join(dir, file)).mode & 0o777).toBe(0o600)
  const before = passphraseOf('bob')
  const token = await signIn(issuer.url(), 'bob', before)
  await issuer.stop()
  issuer = createDevelopmentIssuer({ dir, port: 0 }, { now: Date.now, log: createFakeLog() })
  await issuer.start()
  expect(passphraseOf('bob')).toBe(before)
  const identity = createIdentity({ issuers: [issuer.trusted()] }, { now: Date.now })
  expect(await identity.verifyToken(token)).toMatchObject({ sub: 'bob' })
})

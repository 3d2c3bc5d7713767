import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeJwt } from 'jose'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  createDevelopmentIssuer,
  type DevelopmentIssuer,
  identityCommands,
  readSession,
  saveSession,
  sessionFile,
  signInIssuers,
} from '#identity'
import { readConfig, runProgram, writeRunning } from '#runtime'
import { codeOf } from '../support/held.ts'
import { createFakeIo, type FakeIo } from '../support/io.ts'
import { createFakeLog } from '../support/log.ts'
import { type LyingProvider, startLyingProvider } from './lying-provider.ts'

let dir: string
let issuer: DevelopmentIssuer
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'holdpoint-login-'))
  issuer = createDevelopmentIssuer(
    { dir: join(dir, 'people'), port: 0 },
    { now: Date.now, log: createFakeLog() },
  )
  await issuer.start()
  writeRunning(dir, {
    pid: process.pid,
    nats: { url: '' },
    identity: { url: issuer.url() },
    clickhouse: { url: '', user: '', password: '', database: '' },
    otlp: { url: '' },
  })
})
afterEach(async () => {
  await issuer.stop()
  rmSync(dir, { recursive: true, force: true })
})

const ioAt = (nowMs = Date.now(), env: NodeJS.ProcessEnv = {}): FakeIo =>
  createFakeIo({ env: { HOLDPOINT_DATA_DIR: dir, ...env }, cwd: dir, nowMs })

async function run(line: string, io = ioAt()): Promise<{ code: number; out: string; err: string }> {
  const program = { name: 'holdpoint', version: '0', summary: '', commands: identityCommands }
  const code = await runProgram(program, line.split(' '), io)
  return { code, out: io.out(), err: io.err() }
}

const saved = () =>
  JSON.parse(readFileSync(sessionFile(dir), 'utf8')) as { idToken: string; refreshToken: string }

test('login - one of the development people by name, and everybody else can see who it is', async () => {
  expect(await run('login bob')).toMatchObject({ code: 0, out: 'signed in as bob (Bob Berger)\n' })
  expect(statSync(sessionFile(dir)).mode & 0o777).toBe(0o600)
  expect(await readSession(ioAt(), dir)).toBe(saved().idToken)
  const { code, out } = await run('whoami --json')
  expect(code).toBe(0)
  expect(JSON.parse(out)).toEqual({
    iss: 'https://development.holdpoint.invalid',
    sub: 'bob',
    name: 'Bob Berger',
    groups: expect.arrayContaining(['oidc:https://development.holdpoint.invalid#group/sre']),
    expiresAt: new Date((decodeJwt(saved().idToken).exp ?? 0) * 1000).toISOString(),
  })
  expect((await run('whoami')).out).toMatch(
    /Name {8}Bob Berger\nSubject {5}bob\nIssuer {6}https:.*\nGroups {6}oidc:/,
  )
})

test('login - another person takes the place of the first', async () => {
  await run('login bob')
  await run('login carol')
  expect(decodeJwt(saved().idToken).sub).toBe('carol')
})

test('login - without a name a browser anywhere is waited for until Ctrl-C, and what to trust is said', async () => {
  const io = ioAt()
  const running = run('login', io)
  const [, url, code] = (await written(io, /open\n {4}(\S+)\n.*\n {4}(\S+)\n/)) ?? []
  expect(url).toBe(`${issuer.url()}/device?user_code=${code}`)
  expect(io.err()).toContain('Sign in at https://development.holdpoint.invalid')
  expect(io.err()).toContain(`The development passphrase is in ${issuer.passphraseFile}`)
  io.stop()
  expect(await running).toMatchObject({
    code: 1,
    err: expect.stringContaining('stopped: nobody was signed in'),
  })
  expect(existsSync(sessionFile(dir))).toBe(false)
})

async function written(io: FakeIo, pattern: RegExp): Promise<RegExpExecArray | null> {
  for (let tries = 0; tries < 1_000 && !pattern.test(io.err()); tries++)
    await new Promise((resolve) => setImmediate(resolve))
  return pattern.exec(io.err())
}

test.each<[string, string, RegExp]>([
  ['somebody unknown', 'login mallory', /nobody by that name/],
  ['a passphrase file that is not there', 'login bob --passphrase-file nowhere', /nowhere cannot be read/],
  [
    'an issuer that is not configured',
    'login --issuer https://evil.invalid',
    /expected one of https:\/\/development/,
  ],
])('login - %s is refused, and nothing is saved', async (_, line, problem) => {
  expect(await run(line)).toMatchObject({ code: 1, err: expect.stringMatching(problem) })
  expect(existsSync(sessionFile(dir))).toBe(false)
})

test('login - a wrong passphrase is refused', async () => {
  writeFileSync(join(dir, 'wrong'), 'f00d\n')
  expect(await run('login bob --passphrase-file wrong')).toMatchObject({
    code: 1,
    err: expect.stringContaining('wrong passphrase'),
  })
})

test('login - with nothing running and nothing configured it says what to do', async () => {
  rmSync(join(dir, 'runtime.json'))
  expect(await run('login bob')).toMatchObject({
    code: 1,
    err: expect.stringContaining('nowhere to sign in'),
  })
})

test('login - with a company’s issuer nobody is made up, and of several one is to be chosen', async () => {
  const one = '{issuer: "https://one.example.com", audience: a, clientId: c}'
  const two = '{issuer: "https://two.example.com", audience: a, clientId: c}'
  const configured = (list: string): FakeIo => ioAt(Date.now(), { HOLDPOINT_IDENTITY_ISSUERS: list })
  expect((await run('login bob', configured(`[${one}]`))).err).toContain(
    'people are named in development alone',
  )
  expect((await run('login', configured(`[${one}, ${two}]`))).err).toContain('choose one by --issuer')
})

test('logout - forgets the sign-in and tells the issuer, who refreshes it no more', async () => {
  await run('login bob')
  const before = saved()
  expect(await run('logout')).toMatchObject({ code: 0, out: 'signed out\n', err: '' })
  expect(existsSync(sessionFile(dir))).toBe(false)
  saveSession(dir, before)
  const later = ioAt(Date.now() + 3_600_000)
  expect(await codeOf(readSession(later, dir))).toBe('UNAUTHENTICATED')
  expect(await run('logout')).toMatchObject({ code: 0 })
  expect(await run('logout')).toMatchObject({ code: 0, out: 'nobody was signed in\n' })
})

test('logout - an issuer that is away, or a file that is no sign-in, keeps nobody signed in', async () => {
  await run('login bob')
  await issuer.stop()
  expect(await run('logout')).toMatchObject({ code: 0, err: expect.stringContaining('could not be told') })
  writeFileSync(sessionFile(dir), '{')
  expect(await run('logout')).toMatchObject({ code: 0 })
  expect(existsSync(sessionFile(dir))).toBe(false)
})

test('session - is renewed when its token is about to expire, and saved again', async () => {
  await run('login bob')
  const before = saved()
  const late = ioAt((decodeJwt(before.idToken).exp ?? 0) * 1000 - 59_000)
  const token = await readSession(late, dir)
  expect(decodeJwt(token).sub).toBe('bob')
  expect(saved().refreshToken).not.toBe(before.refreshToken)
  expect(statSync(sessionFile(dir)).mode & 0o777).toBe(0o600)
})

test('session - where the issuer is away, the token is used up to its end, and not beyond', async () => {
  await run('login bob')
  const { idToken } = saved()
  const expiresAtMs = (decodeJwt(idToken).exp ?? 0) * 1000
  await issuer.stop()
  expect(await readSession(ioAt(expiresAtMs - 1), dir)).toBe(idToken)
  expect(await codeOf(readSession(ioAt(expiresAtMs), dir))).toBe('UNAVAILABLE')
})

test('session - HOLDPOINT_TOKEN goes before what was saved', async () => {
  await run('login bob')
  expect(await readSession(ioAt(Date.now(), { HOLDPOINT_TOKEN: ' mine\n' }), dir)).toBe('mine')
})

test.each([
  '',
  '{',
  '[]',
  '"x"',
  '{"refreshToken":"x"}',
  '{"idToken":1}',
  '{"idToken":""}',
  '{"idToken":"x"}',
])('session - a file with %j signs nobody in', async (written) => {
  writeFileSync(sessionFile(dir), written)
  expect(await codeOf(readSession(ioAt(), dir))).toBe('UNAUTHENTICATED')
  expect((await run('whoami')).code).toBe(1)
})

test('session - a file that others could read is replaced by one that they cannot', async () => {
  writeFileSync(sessionFile(dir), '{}', { mode: 0o644 })
  chmodSync(sessionFile(dir), 0o644)
  await run('login bob')
  expect(statSync(sessionFile(dir)).mode & 0o777).toBe(0o600)
})

test('session - nobody signed in is told how to', async () => {
  expect((await run('whoami')).err).toContain('run `holdpoint login`')
})

test('login - with a company’s provider, the token has to be one that the broker believes', async () => {
  const provider: LyingProvider = await startLyingProvider(Date.now)
  try {
    const { issuer: url } = provider.issuer
    const issuers = `[{issuer: "${url}", audience: holdpoint, clientId: holdpoint}]`
    saveSession(dir, { idToken: await provider.sign({ iss: url, sub: 'u1', exp: 1 }), refreshToken: 'r' })
    const io = (): FakeIo => ioAt(Date.now(), { HOLDPOINT_IDENTITY_ISSUERS: issuers })
    expect(decodeJwt(await readSession(io(), dir))).toMatchObject({ sub: 'u1', name: 'Ursula' })
    provider.lies = { claims: (honest) => ({ ...honest, sub: 'u2' }) }
    saveSession(dir, { idToken: await provider.sign({ iss: url, sub: 'u1', exp: 1 }), refreshToken: 'r' })
    expect(await codeOf(readSession(io(), dir))).toBe('UNAUTHENTICATED')
  } finally {
    await provider.stop()
  }
})

const issuersOf = (list: string) =>
  signInIssuers(readConfig({ env: { HOLDPOINT_IDENTITY_ISSUERS: list }, cwd: dir }), dir)

test('issuers - those with a client sign people in, with a secret out of its file', () => {
  writeFileSync(join(dir, 'secret'), 's3cret\n')
  expect(
    issuersOf(`[
      {issuer: "https://a.invalid", audience: a},
      {issuer: "https://b.invalid", audience: b, clientId: c, clientSecretFile: secret, scopes: [groups]},
      {issuer: "https://d.invalid", audience: d, clientId: e, clientSecret: x}]`),
  ).toEqual([
    { issuer: 'https://b.invalid', audience: 'b', clientId: 'c', clientSecret: 's3cret', scopes: ['groups'] },
    { issuer: 'https://d.invalid', audience: 'd', clientId: 'e', clientSecret: 'x' },
  ])
})

test.each<[string, string, RegExp]>([
  [
    'a file that is not there',
    'clientId: c, clientSecretFile: nowhere',
    /\[1\]\.clientSecretFile: .*nowhere cannot be/,
  ],
  ['an empty file', 'clientId: c, clientSecretFile: empty', /\[1\]\.clientSecretFile: .*empty is empty/],
  ['a secret twice', 'clientId: c, clientSecretFile: empty, clientSecret: x', /\[1\].*expected one/],
  ['a secret for no client', 'clientSecret: x', /\[1\].*expected both/],
])('issuers - %s stops the start, saying where', (_, rest, problem) => {
  writeFileSync(join(dir, 'empty'), '\n')
  const list = `[{issuer: "https://a.invalid", audience: a}, {issuer: "https://b.invalid", audience: b, ${rest}}]`
  expect(() => issuersOf(list)).toThrow(problem)
})

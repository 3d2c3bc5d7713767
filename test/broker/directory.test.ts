import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstreamManager } from '@nats-io/jetstream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { enrolmentCommands, FILES, type Home, initialise, openHome, readPin, signDirectory } from '#broker'
import { TRUST_STREAM, trustSubject } from '#contract'
import { type ExitCode, runProgram } from '#runtime'
import { createTrust } from '#warrant'
import { parseDirectory } from '../../src/broker/enrolment/directory-file.ts'
import { type House, startHouse } from '../support/house.ts'
import { createFakeIo } from '../support/io.ts'

const DAY = 86_400_000
const NOW = 1_800_000_000_000
const IDP = 'https://idp.invalid'
const GOOD = `people:\n  alice:\n    - ${IDP}#alice\n    - https://chat.invalid/team#U024\n  bob: ["${IDP}#bob"]\nservices: ["${IDP}#ci"]\n`

let dir: string
let home: Home
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'holdpoint-directory-'))
  home = openHome(join(dir, 'data'))
  await initialise(home, {
    origin: 'test.invalid/holdpoint',
    policyFile: join(dir, 'policy.yaml'),
    groups: { reviewers: `oidc:${IDP}#group/sre` },
    nowMs: NOW,
  })
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))
let house: House
beforeAll(async () => {
  house = await startHouse({ broker: false })
})
afterAll(() => house.stop())

test('directory - people and services are read as they are written', () => {
  expect(parseDirectory(GOOD, 'directory.yaml')).toEqual({
    people: [
      {
        id: 'alice',
        accounts: [
          { iss: IDP, sub: 'alice' },
          { iss: 'https://chat.invalid/team', sub: 'U024' },
        ],
      },
      { id: 'bob', accounts: [{ iss: IDP, sub: 'bob' }] },
    ],
    services: [{ iss: IDP, sub: 'ci' }],
  })
  expect(parseDirectory('people: {}\n', 'd')).toEqual({ people: [], services: [] })
})

test.each<[string, string, string]>([
  [
    'an account of two people',
    `people:\n  a: ["${IDP}#x"]\n  b: ["${IDP}#x"]\n`,
    'd.yaml:3:7: people.b.0: "https://idp.invalid#x", expected an account of one; it is "a"\'s',
  ],
  ['an account that stands twice', `people:\n  a: ["${IDP}#x", "${IDP}#x"]\n`, 'd.yaml:2:32: people.a.1: '],
  [
    'a service that is a person',
    `people:\n  a: ["${IDP}#x"]\nservices: ["${IDP}#x"]\n`,
    'd.yaml:3:12: services.0: ',
  ],
  [
    'an account without an issuer',
    'people:\n  a: [alice]\n',
    'd.yaml:2:7: people.a.0: "alice", expected ISSUER#SUBJECT',
  ],
  ['an issuer that is no address', 'people:\n  a: ["idp#alice"]\n', 'd.yaml:2:7: people.a.0: "idp#alice"'],
  ['an account without a subject', `people:\n  a: ["${IDP}#"]\n`, 'd.yaml:2:7: people.a.0: '],
  ['an e-mail address', 'people:\n  a: [alice@example.com]\n', 'd.yaml:2:7: people.a.0: "alice@example.com"'],
  ['a person without accounts', 'people:\n  a: []\n', 'd.yaml:2:6: people.a: a list of 0'],
  ['a person who stands twice', `people:\n  a: ["${IDP}#x"]\n  a: ["${IDP}#y"]\n`, 'd.yaml:3:'],
  [
    'a key that nobody knows',
    'persons: {}\n',
    'd.yaml:1:1: persons: "persons", expected one of the keys holdpoint, people, services',
  ],
  ['a list of people', 'people: []\n', 'd.yaml:1:9: people: a list of 0, expected a mapping'],
  ['another version', 'holdpoint: 2\n', 'd.yaml:1:12: holdpoint: 2, expected 1'],
  ['an anchor', `people:\n  a: &x ["${IDP}#x"]\n`, 'd.yaml:2:'],
  ['no YAML', 'people: [', 'd.yaml:1:'],
  ['nothing', '', 'd.yaml:1:1: the document: null, expected a mapping'],
])('directory - %s is refused with its line and column', (_, source, message) => {
  const refused = expect.objectContaining({
    code: 'INVALID_INPUT',
    message: expect.stringContaining(message),
  })
  expect(() => parseDirectory(source, 'd.yaml')).toThrow(refused)
  expect(() => signDirectory(home, source, 'd.yaml', NOW)).toThrow(refused)
  expect(home.has(FILES.directory)).toBe(false)
})

test('directory - it is signed as the next version, and the same people keep theirs until it is due', () => {
  const first = signDirectory(home, GOOD, 'd.yaml', NOW)
  expect(first).toMatchObject({ version: 1, origin: 'test.invalid/holdpoint', exp: (NOW + 90 * DAY) / 1000 })
  expect(signDirectory(home, `# a comment\n${GOOD}`, 'd.yaml', NOW + 59 * DAY)).toEqual(first)
  expect(signDirectory(home, GOOD, 'd.yaml', NOW + 61 * DAY).version).toBe(2)
  expect(signDirectory(home, GOOD.replace('bob:', 'robert:'), 'd.yaml', NOW + 61 * DAY).version).toBe(3)
  const trust = createTrust({ pin: readPin(home) }, { now: () => NOW + 62 * DAY })
  trust.adoptKeySet(home.read(FILES.keySet))
  expect(trust.verifyDirectory(home.read(FILES.directory)).people[1]?.id).toBe('robert')
})

async function run(...words: string[]): Promise<{ code: ExitCode; out: string; err: string }> {
  const io = createFakeIo({ env: { HOLDPOINT_DATA_DIR: house.home.dir }, cwd: dir, nowMs: house.clock.now() })
  const program = { name: 'holdpoint', version: '0', summary: '', commands: enrolmentCommands }
  const code = await runProgram(program, ['directory', ...words], io)
  return { code, out: io.out(), err: io.err() }
}

test('directory - holdpoint directory check says how many they are, or where it is wrong', async () => {
  writeFileSync(join(dir, 'd.yaml'), GOOD)
  expect(await run('check', 'd.yaml')).toMatchObject({ code: 0, out: 'd.yaml: 2 people, 1 service\n' })
  expect((await run('check', 'd.yaml', '--json')).out).toBe('{"people":2,"services":1}\n')
  writeFileSync(join(dir, 'd.yaml'), GOOD.replace('#bob', '#alice'))
  const refused = await run('check', 'd.yaml')
  expect(refused).toMatchObject({ code: 1, out: '' })
  expect(refused.err).toContain('d.yaml:5:9: people.bob.0: ')
  expect(await run('check', 'nothing.yaml')).toMatchObject({
    code: 1,
    err: expect.stringContaining('nothing.yaml'),
  })
  expect((await run('check')).code).toBe(2)
})

test('directory - holdpoint directory publish puts it where every broker reads it', async () => {
  writeFileSync(join(dir, 'd.yaml'), GOOD)
  expect(await run('publish', 'd.yaml')).toMatchObject({
    code: 0,
    out: 'directory 1 is published: 2 people, 1 service\n',
  })
  const again = await run('publish', 'd.yaml', '--json')
  expect(JSON.parse(again.out)).toEqual({ version: 1, people: 2, services: 1 })
  const { streams } = await jetstreamManager(await house.connect('admin'))
  const message = await streams.getMessage(TRUST_STREAM, { last_by_subj: trustSubject.directory(1) })
  expect(message?.string()).toBe(house.home.read(FILES.directory))
  writeFileSync(join(dir, 'd.yaml'), 'people: []\n')
  expect((await run('publish', 'd.yaml')).code).toBe(1)
  expect(message?.string()).toBe(house.home.read(FILES.directory))
})

import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ensureNatsServer, isFit } from '../../src/main/setup-nats.mjs'

let dir: string
let cache: string
let said: string[]
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'holdpoint-setup-'))
  cache = join(dir, 'cache')
  said = []
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

function program(path: string, script: string): string {
  writeFileSync(path, `#!/bin/sh\n${script}\n`)
  chmodSync(path, 0o755)
  return path
}

const nats = (version: string) => `echo "nats-server: v${version}"`
const builds = (version: string) =>
  `[ "$1" = version ] || { printf '#!/bin/sh\\n${nats(version).replaceAll('"', '')}\\n' > "$GOBIN/nats-server"; /bin/chmod +x "$GOBIN/nats-server"; }`

/** Sets up on a system that has these programs and no others. */
function ensure(system: Record<string, string>, env: NodeJS.ProcessEnv = {}) {
  const bin = join(dir, 'bin')
  mkdirSync(bin, { recursive: true })
  for (const [name, script] of Object.entries(system)) program(join(bin, name), script)
  return ensureNatsServer({ cache, env: { PATH: bin, ...env }, say: (line: string) => void said.push(line) })
}

test.for([
  ['2.9.10', false],
  ['2.10.27', false],
  ['2.12.14', false],
  ['2.12.15', true],
  ['2.13.9', false],
  ['2.14.4', false],
  ['2.14.5', true],
  ['2.15.0', true],
  ['3.0.0', true],
  ['1.99.99', false],
] as const)('set-up - nats-server %s is fit for decisions: %s', ([version, fit]) => {
  expect(isFit(version)).toBe(fit)
})

test('set-up - a fit nats-server on the PATH is linked into the cache, and nothing is built', () => {
  const found = ensure({ 'nats-server': nats('2.14.5'), go: 'exit 7' })
  expect(found).toEqual({ path: join(cache, 'nats-server'), version: '2.14.5' })
  expect(lstatSync(found.path).isSymbolicLink()).toBe(true)
  expect(said).toEqual([])
})

test('set-up - one too old gives way to one that Go builds into the cache', () => {
  const found = ensure({ 'nats-server': nats('2.9.10'), go: builds('2.15.1') })
  expect(found).toEqual({ path: join(cache, 'nats-server'), version: '2.15.1' })
  expect(said).toEqual([expect.stringContaining('building nats-server 2.15.1')])
})

test('set-up - one too old is the last resort, with a warning that says what it is not for', () => {
  expect(ensure({ 'nats-server': nats('2.9.10'), go: '[ "$1" = version ]' }).version).toBe('2.9.10')
  expect(said.join('\n')).toContain('Go could not build it')
  expect(said.at(-1)).toMatch(/WARNING: nats-server 2\.9\.10 .* never use it in production/)
})

test('set-up - the warning is repeated at every start', () => {
  ensure({ 'nats-server': nats('2.9.10') })
  ensure({ 'nats-server': nats('2.9.10') })
  expect(said.filter((line) => line.startsWith('WARNING'))).toHaveLength(2)
})

test('set-up - what is in the cache is used without looking further', () => {
  ensure({ go: builds('2.15.1') })
  said.length = 0
  expect(ensure({ go: 'exit 7', 'nats-server': nats('2.14.5') }).version).toBe('2.15.1')
  expect(said).toEqual([])
})

test('set-up - a link in the cache that leads nowhere is replaced', () => {
  mkdirSync(cache)
  symlinkSync(join(dir, 'gone'), join(cache, 'nats-server'))
  expect(ensure({ 'nats-server': nats('2.15.1') }).version).toBe('2.15.1')
})

test.runIf(process.platform === 'linux')(
  'set-up - the distribution’s package is unpacked into the cache, and warned about',
  () => {
    const unpack = `/bin/mkdir -p usr/sbin; printf '#!/bin/sh\\necho v2.9.10\\n' > usr/sbin/nats-server; /bin/chmod +x usr/sbin/nats-server`
    const found = ensure({
      'apt-get': '[ "$1" = download ] && : > nats-server_2.9.10_amd64.deb; true',
      dpkg: unpack,
    })
    expect(found.version).toBe('2.9.10')
    expect(existsSync(join(cache, 'apt', 'usr', 'sbin', 'nats-server'))).toBe(true)
    expect(said.at(-1)).toContain('WARNING')
  },
)

test('set-up - where nothing helps, the error lists the ways', () => {
  expect(() => ensure({ 'apt-get': '[ "$1" = --version ]', dpkg: 'exit 1' })).toThrow(
    /install Go[\s\S]*PATH[\s\S]*HOLDPOINT_NATS_SERVER/,
  )
})

test('set-up - one that is named is taken, and a wrong name is no reason to take another', () => {
  const named = program(join(dir, 'mine'), nats('2.15.1'))
  expect(ensure({}, { HOLDPOINT_NATS_SERVER: named })).toEqual({ path: named, version: '2.15.1' })
  expect(() => ensure({ 'nats-server': nats('2.15.1') }, { HOLDPOINT_NATS_SERVER: '/nowhere' })).toThrow(
    '/nowhere',
  )
  expect(() => ensure({}, { HOLDPOINT_NATS_SERVER: program(join(dir, 'other'), 'echo hello') })).toThrow(
    'no nats-server',
  )
})

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { installEnvironment, refuseOldNode } from '../../src/main/setup.mjs'
import { withLock } from '../../src/main/setup-lock.mjs'

const launcher = resolve(import.meta.dirname, '../../src/main/launch.mjs')

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'holdpoint-setup-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

test.for(['18.20.8', '20.18.3', '0.12.0'])(
  'set-up - Node %s is refused with the version that is needed',
  (version) => {
    expect(() => refuseOldNode(version)).toThrow(/needs Node 20\.19 or newer/)
  },
)

test.for(['20.19.0', '22.0.0', '26.10.0'])('set-up - Node %s will do', (version) => {
  expect(() => refuseOldNode(version)).not.toThrow()
})

test('set-up - what is installed does not depend on how npm was called', () => {
  const kept = {
    PATH: '/bin',
    npm_config_registry: 'https://r.example',
    NPM_CONFIG_CAFILE: '/ca',
    HTTPS_PROXY: 'http://p',
  }
  const dropped = {
    NODE_ENV: 'production',
    npm_config_omit: 'dev',
    npm_config_production: 'true',
    npm_config_global: 'true',
    npm_config_ignore_scripts: 'true',
    npm_config_dry_run: 'true',
    npm_config_package_lock: 'false',
    npm_lifecycle_event: 'pretest',
    npm_package_name: 'holdpoint',
    npm_command: 'test',
  }
  expect(installEnvironment({ ...kept, ...dropped })).toEqual(kept)
})

test('set-up - two at once go one after the other', async () => {
  const lock = join(dir, 'cache', 'lock')
  const seen: string[] = []
  const release = Promise.withResolvers<void>()
  const first = withLock(
    lock,
    () => {},
    async () => {
      seen.push('first in')
      await release.promise
      seen.push('first out')
    },
  )
  const second = withLock(
    lock,
    (line: string) => {
      expect(line).toContain(`process ${process.pid}`)
      release.resolve()
    },
    () => seen.push('second'),
  )
  await Promise.all([first, second])
  expect(seen).toEqual(['first in', 'first out', 'second'])
})

test('set-up - the lock of a process that died is taken over, and a failure gives it back', async () => {
  const lock = join(dir, 'lock')
  const dead = spawnSync(process.execPath, ['-e', '']).pid
  writeFileSync(lock, String(dead))
  const failure = withLock(
    lock,
    () => {},
    () => {
      throw new Error('no network')
    },
  )
  await expect(failure).rejects.toThrow('no network')
  expect(existsSync(lock)).toBe(false)
})

const launch = (args: string[], asNode?: string) => {
  const pretend = `Object.defineProperty(process.versions, 'node', { value: '${asNode}' })`
  const before =
    asNode === undefined ? [] : ['--import', `data:text/javascript,${encodeURIComponent(pretend)}`]
  return spawnSync(process.execPath, [...before, launcher, ...args], { encoding: 'utf8', cwd: dir })
}

test.for([undefined, '20.19.0'])(
  'launcher - on Node %s arguments, output and exit code go through',
  (asNode) => {
    const version = launch(['--version'], asNode)
    expect(version).toMatchObject({ status: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) })
    const unknown = launch(['no-such-command'], asNode)
    expect(unknown).toMatchObject({
      status: 2,
      stdout: '',
      stderr: expect.stringContaining('no-such-command'),
    })
  },
)

test('launcher - on a Node older than the floor it says what is needed', () => {
  const pretend = `Object.defineProperty(process.versions, 'node', { value: '18.0.0' })`
  const setup = resolve(import.meta.dirname, '../../src/main/setup.mjs')
  const args = ['--import', `data:text/javascript,${encodeURIComponent(pretend)}`, setup]
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  expect(status).toBe(1)
  expect(stderr).toContain('needs Node 20.19 or newer; this is 18.0.0')
})

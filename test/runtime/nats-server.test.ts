import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, expect, test } from 'vitest'
import { createNatsServer, findNatsServer, natsServerVersion } from '#runtime'
import { createFakeLog } from '../support/log.ts'
import { startNats, type TestNats } from '../support/nats.ts'

const running: TestNats[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((nats) => nats.stop()))
})
const start = async (...options: Parameters<typeof startNats>) => {
  const nats = await startNats(...options)
  running.push(nats)
  return nats
}

/** The first thing a NATS server says to whoever connects. */
async function readInfo(url: string): Promise<Record<string, unknown>> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  const [line] = await once(createInterface({ input: socket }), 'line')
  socket.destroy()
  return JSON.parse(String(line).replace(/^INFO /, ''))
}

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

test('nats-server - a real one with JetStream answers at its url', async () => {
  const nats = await start({ syncAlways: true })
  expect(await readInfo(nats.url)).toMatchObject({ jetstream: true, version: expect.stringMatching(/^2\./) })
  expect(readFileSync(join(nats.dir, 'nats-server.conf'), 'utf8')).toContain('sync_interval: always')
})

test('nats-server - two that want one port get two', async () => {
  const first = await start()
  const wanted = Number(new URL(first.url).port)
  const second = await start({ port: wanted })
  expect(Number(new URL(second.url).port)).toBeGreaterThan(wanted)
  expect((await readInfo(second.url)).server_id).not.toBe((await readInfo(first.url)).server_id)
})

test('nats-server - once stopped it is gone, and stopping again does nothing', async () => {
  const nats = await startNats()
  await nats.stop()
  await nats.stop()
  expect(isAlive(nats.pid)).toBe(false)
})

test('nats-server - a configuration that it refuses is an error with its own words', async () => {
  const refused = startNats({ configText: 'no_such_key: 1' })
  await expect(refused).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringContaining('no_such_key'),
  })
})

test('nats-server - when it dies by itself the log says so', async () => {
  const nats = await start()
  process.kill(nats.pid, 'SIGKILL')
  await expect.poll(() => nats.log.lines.filter((line) => line.level === 'error').length).toBe(1)
})

test('nats-server - before it is started there is no url', () => {
  const server = createNatsServer({ configText: '', dir: '/nowhere', log: createFakeLog() })
  expect(() => server.url).toThrow('has not been started')
})

test.runIf(process.platform === 'linux')(
  'nats-server - it does not outlive a parent that was killed',
  async () => {
    const dir = mkdtempSync(join(tmpdir(), 'holdpoint-parent-'))
    const script = join(dir, 'parent.mts')
    const support = new URL('../support/nats.ts', import.meta.url).href
    writeFileSync(
      script,
      `import { startNats } from '${support}'\nconsole.log((await startNats({ dir: ${JSON.stringify(dir)} })).pid)\n`,
    )
    const parent = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = await once(createInterface({ input: parent.stdout }), 'line')
    const pid = Number(line)
    expect(isAlive(pid)).toBe(true)
    parent.kill('SIGKILL')
    await expect.poll(() => isAlive(pid), { timeout: 5_000 }).toBe(false)
    rmSync(dir, { recursive: true, force: true })
  },
)

test('nats-server - one that is named is taken, and one that is not there is refused by name', () => {
  expect(findNatsServer({ HOLDPOINT_NATS_SERVER: process.execPath })).toBe(process.execPath)
  expect(() => findNatsServer({ HOLDPOINT_NATS_SERVER: '/nowhere/nats-server' })).toThrow(
    '/nowhere/nats-server',
  )
})

test('nats-server - where there is none, the error says how to get one', () => {
  expect(() => findNatsServer({ HOLDPOINT_CACHE: '/nowhere', PATH: '/nowhere' })).toThrow(
    'node src/main/setup.mjs',
  )
})

test('nats-server - its version is what it says itself', async () => {
  expect((await readInfo((await start()).url)).version).toBe(natsServerVersion())
  expect(() => natsServerVersion('/bin/true')).toThrow('/bin/true is no nats-server')
})

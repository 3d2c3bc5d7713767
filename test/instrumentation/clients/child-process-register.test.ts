import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { agentEnvironment, startAgent } from '../../support/agent-process.ts'
import { type Scene, startScene } from '../../support/gate-scene.ts'
import { PROCESS_POLICY } from './process-scene.ts'

let scene: Scene
const dir = mkdtempSync(join(tmpdir(), 'holdpoint-register-'))
beforeAll(async () => {
  scene = await startScene({ policy: PROCESS_POLICY })
})
afterAll(async () => {
  await scene.stop()
  rmSync(dir, { recursive: true, force: true })
})
afterEach(() => {
  scene.broker.requests.length = 0
})

const inScene = (name: string) => join(dir, name)
const app = 'test/instrumentation/apps/spawning.mjs'

const opened = () =>
  vi.waitFor(
    () => {
      expect(scene.broker.requests, 'nobody was asked').toHaveLength(1)
      return scene.broker.requests[0] as (typeof scene.broker.requests)[number]
    },
    { timeout: 25_000, interval: 20 },
  )

const started = async (how: string) => {
  const { env, remove } = agentEnvironment(scene.broker, scene.nats.url)
  const agent = startAgent(app, env, { args: [how, inScene(how)] })
  const request = await opened()
  return { agent, request, remove }
}

test('child-process - when the gate’s process is killed, what stands in ends, and nothing runs', async () => {
  const { agent, request, remove } = await started('main')
  const pid = Number(agent.stdout())
  expect(commandOf(pid)).toContain('shim')
  agent.child.kill('SIGKILL')
  await agent.ended
  scene.broker.decide(request, 'approved')
  await vi.waitFor(() => expect(commandOf(pid)).toBe(''))
  expect(existsSync(inScene('main'))).toBe(false)
  remove()
})

test('child-process - a worker thread has a gate of its own', async () => {
  const { agent, request, remove } = await started('worker')
  expect(request.attempt.action).toMatchObject({ name: 'touch', arguments: ['touch', inScene('worker')] })
  expect(existsSync(inScene('worker'))).toBe(false)
  scene.broker.decide(request, 'approved')
  expect(await agent.ended).toMatchObject({ code: 0, signal: null })
  expect(existsSync(inScene('worker'))).toBe(true)
  remove()
})

const waiting = 'test/instrumentation/apps/blocking.mjs'

test('child-process - a call that blocks waits where that is wanted, and is released or refused as any other', async () => {
  scene.broker.onRequest = ({ attempt }) => (attempt.action.name === 'touch' ? 'denied' : 'approved')
  const { env, remove } = agentEnvironment(scene.broker, scene.nats.url)
  const agent = startAgent(waiting, { ...env, HOLDPOINT_SYNC: 'wait' }, { args: ['all', inScene('blocked')] })
  const { stdout } = await agent.ended
  const [released, ran, refused] = JSON.parse(stdout)
  expect(released.returned).toMatch(/^in PATH=.*\nPWD=.*\nWORD=own\n$/)
  expect(ran).toEqual({
    message: 'Command failed: /bin/sh -c echo said >&2; exit 3\nsaid\n',
    status: 3,
    stdout: '',
    stderr: 'said\n',
  })
  expect(refused).toMatchObject({ status: 126, stderr: expect.stringMatching(/APPROVAL_DENIED/) })
  expect(existsSync(inScene('blocked'))).toBe(false)
  expect(scene.broker.outcomes.slice(-2)).toMatchObject([
    { outcome: 'executed' },
    { outcome: 'failed', errorType: 'exit_3' },
  ])
  scene.broker.onRequest = () => undefined
  remove()
})

test('child-process - a call that blocks and is given up cancels its request, and nothing runs', async () => {
  const { env, remove } = agentEnvironment(scene.broker, scene.nats.url)
  const agent = startAgent(
    waiting,
    { ...env, HOLDPOINT_SYNC: 'wait' },
    { args: ['given-up', inScene('given-up')] },
  )
  const request = await opened()
  const { pid } = agent.child
  // As its own timeout would.
  process.kill(Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')), 'SIGTERM')
  const { stdout } = await agent.ended
  expect(JSON.parse(stdout)).toEqual([{ status: null, signal: 'SIGTERM' }])
  expect(request.state).toBe('cancelled')
  expect(existsSync(inScene('given-up'))).toBe(false)
  remove()
})

test('child-process - what HOLDPOINT_SYNC does not know stops the start', async () => {
  const { env, remove } = agentEnvironment(scene.broker, scene.nats.url)
  const { code, stderr } = await startAgent(waiting, { ...env, HOLDPOINT_SYNC: 'maybe' }).ended
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: expect.stringMatching(/HOLDPOINT_SYNC is "maybe", expected refuse or wait/),
  })
  remove()
})

/** Of a zombie, and of what is gone: nothing. */
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}

test('child-process - a thread with a text, flags or an environment of its own has a gate as well', async () => {
  const { env, remove } = agentEnvironment(scene.broker, scene.nats.url)
  const { ended } = startAgent(
    'test/instrumentation/apps/workers.mjs',
    { ...env, HOLDPOINT_LOG: 'off' },
    { args: [dir] },
  )
  const { stdout, stderr } = await ended
  expect(stderr).toBe('')
  expect(new Set(Object.values(JSON.parse(stdout)))).toEqual(new Set(['refused']))
  expect(existsSync(inScene('made'))).toBe(false)
  remove()
})

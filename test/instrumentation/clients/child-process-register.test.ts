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

const started = async (how: string) => {
  const { env, remove } = agentEnvironment(scene.broker, scene.nats.url)
  const agent = startAgent(app, env, { args: [how, inScene(how)] })
  const request = await vi.waitFor(
    () => {
      expect(scene.broker.requests, 'nobody was asked').toHaveLength(1)
      return scene.broker.requests[0] as (typeof scene.broker.requests)[number]
    },
    { timeout: 25_000, interval: 20 },
  )
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

/** Of a zombie, and of what is gone: nothing. */
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}

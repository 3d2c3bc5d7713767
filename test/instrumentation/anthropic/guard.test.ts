import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { instrumentations, useGate } from '#instrumentation'
import { guard } from '../../../instrumentation/anthropic/index.ts'
import { agentEnvironment, startAgent } from '../../support/agent-process.ts'
import { type Scene, startScene } from '../../support/gate-scene.ts'
import { createAnthropic } from '../../support/providers/anthropic.ts'
import type { ProviderFake } from '../../support/providers/http.ts'
import { driver, outputsOf, type Sdk } from '../drivers/anthropic.ts'

/** No hook is installed: as in a program that a bundler has put into one file. */
const [esm, cjs] = (await Promise.all(driver.copies.map(({ load }) => load()))) as [Sdk, Sdk]
let scene: Scene
let provider: ProviderFake
beforeAll(async () => {
  scene = await startScene()
})
afterAll(() => scene.stop())
beforeEach(async () => {
  provider = createAnthropic()
  await provider.start()
})
afterEach(async () => {
  await provider.stop()
  useGate(undefined)
  scene.broker.onRequest = () => undefined
  scene.broker.requests.length = 0
})

const NAME = 'export_customers'
const call = (id: string, limit: unknown = 1) => ({ id, name: NAME, arguments: { limit } })
const typed = ({ zod }: Sdk, run: () => string) =>
  zod.betaZodTool({ name: NAME, description: 'd', inputSchema: z.object({ limit: z.number() }), run })

async function run({ main }: Sdk, tool: object) {
  const client = new main.Anthropic({ apiKey: 'test', baseURL: provider.url, maxRetries: 0 })
  const messages = [{ role: 'user' as const, content: 'go' }]
  await client.beta.messages.toolRunner({ model: 'm', max_tokens: 9, messages, tools: [tool as never] })
  return outputsOf(provider.calls)
}

describe.each([
  ['ESM', esm],
  ['CommonJS', cjs],
])('the %s copy', (_name, sdk) => {
  test('guard - a tool is held without any hook, and runs what was approved', async () => {
    useGate(scene.gate)
    scene.broker.onRequest = ({ attempt }) => (attempt.attempt === 'call-1' ? 'approved' : 'denied')
    const execute = vi.fn(() => 'exported')
    provider.script({ calls: [call('call-1'), call('call-2')] }, { text: 'done' })
    expect(await run(sdk, guard(typed(sdk, execute)))).toEqual({
      'call-1': { text: 'exported', isError: false },
      'call-2': { text: expect.stringMatching(/APPROVAL_DENIED/), isError: true },
    })
    expect((execute.mock.calls as unknown[][]).map(([given]) => given)).toEqual([{ limit: 1 }])
  })

  test('guard - what the tool’s own schema refuses is not put before a person', async () => {
    useGate(scene.gate)
    const execute = vi.fn()
    provider.script({ calls: [call('call-1', 'many')] }, { text: 'done' })
    expect((await run(sdk, guard(typed(sdk, execute))))['call-1']).toMatchObject({ isError: true })
    expect([scene.broker.requests, execute.mock.calls]).toEqual([[], []])
  })

  test('guard - in a process without a gate nothing runs', async () => {
    const execute = vi.fn()
    provider.script({ calls: [call('call-1')] }, { text: 'done' })
    expect(await run(sdk, guard(typed(sdk, execute)))).toEqual({
      'call-1': { text: expect.stringMatching(/This process has no gate/), isError: true },
    })
    expect(execute).not.toHaveBeenCalled()
  })
})

test('guard - a loop that calls its tools itself is held as well: what is refused is thrown', async () => {
  useGate(scene.gate)
  scene.broker.onRequest = () => 'denied'
  const execute = vi.fn()
  await expect(guard(typed(esm, execute)).run({ limit: 1 })).rejects.toThrow(/APPROVAL_DENIED/)
  expect(scene.broker.requests[0]?.attempt.action).toMatchObject({ name: NAME, arguments: { limit: 1 } })
  expect(execute).not.toHaveBeenCalled()
})

test('guard - a guarded tool is still what it was, and with a hook besides it asks once', async () => {
  const execute = vi.fn(() => 'exported')
  const tool = typed(esm, execute)
  expect(JSON.stringify(guard(guard(tool)))).toBe(JSON.stringify(tool))
  useGate(scene.gate)
  instrumentations.find(({ name }) => name === 'anthropic')?.patch(esm.main as never, scene.gate)
  scene.broker.onRequest = () => 'approved'
  for (const guarded of [guard(guard(tool)), { ...guard(tool), cache_control: { type: 'ephemeral' } }]) {
    scene.broker.requests.length = 0
    provider.script({ calls: [call('call-1')] }, { text: 'done' })
    expect(await run(esm, guarded)).toEqual({ 'call-1': { text: 'exported', isError: false } })
    expect(scene.broker.requests).toHaveLength(1)
  }
})

test('anthropic - runners that are made past the client are held in a process under register', async () => {
  scene.broker.onRequest = () => 'denied'
  const { env, remove } = agentEnvironment(scene.broker, scene.nats.url)
  provider.script(
    { calls: [call('thread')] },
    { text: 'done' },
    { calls: [call('direct')] },
    { text: 'done' },
  )
  const app = 'test/instrumentation/apps/anthropic-runners.mjs'
  const { stdout, stderr } = await startAgent(app, env, { args: [provider.url] }).ended
  remove()
  expect(stdout, stderr).toBe('ended\n')
  const told = provider.calls.flatMap(({ body }) => Object.entries(outputsOf([{ body }])))
  const denied = {
    text: expect.stringMatching(/^(Error: )?export_customers was not run \(APPROVAL_DENIED\)/),
    isError: true,
  }
  expect(Object.fromEntries(told)).toEqual({ thread: denied, direct: denied })
})

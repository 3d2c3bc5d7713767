import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { instrumentations, useGate } from '#instrumentation'
import { guard } from '../../../instrumentation/openai/index.ts'
import { type Scene, startScene } from '../../support/gate-scene.ts'
import type { ProviderFake } from '../../support/providers/http.ts'
import { createOpenAI, outputsTold } from '../../support/providers/openai.ts'
import { driver, type Sdk } from '../drivers/openai.ts'

/** No hook is installed: as in a program that a bundler has put into one file. */
const [esm, cjs] = (await Promise.all(driver.copies.map(({ load }) => load()))) as [Sdk, Sdk]
let scene: Scene
let provider: ProviderFake
beforeAll(async () => {
  scene = await startScene()
})
afterAll(() => scene.stop())
beforeEach(async () => {
  provider = createOpenAI()
  await provider.start()
})
afterEach(async () => {
  await provider.stop()
  useGate(undefined)
  scene.broker.onRequest = () => undefined
  scene.broker.requests.length = 0
})

const NAME = 'export_customers'
const call = (id: string) => ({ id, name: NAME, arguments: { limit: 1 } })
const MESSAGES = [{ role: 'user' as const, content: 'go' }]
const plain = (execute: (text: string) => unknown) => ({
  type: 'function' as const,
  function: { name: NAME, description: 'd', parameters: {}, function: execute },
})
async function run({ main }: Sdk, tool: object) {
  const client = new main.OpenAI({ apiKey: 'test', baseURL: `${provider.url}/v1`, maxRetries: 0 })
  const runner = client.chat.completions.runTools({ model: 'm', messages: MESSAGES, tools: [tool as never] })
  await runner.finalContent()
  return outputsTold(provider)
}

describe.each([
  ['ESM', esm],
  ['CommonJS', cjs],
])('the %s copy', (_name, sdk) => {
  const typed = (execute: (given: never) => string) =>
    sdk.zod.zodFunction({
      name: NAME,
      parameters: z.object({ limit: z.number() }) as never,
      function: execute as never,
    })

  test.each([
    ['plain', plain, '{"limit":1}'],
    ['of zodFunction', typed, { limit: 1 }],
  ])(
    'guard - a tool is held without any hook, and runs what was approved: %s',
    async (_kind, make, given) => {
      useGate(scene.gate)
      scene.broker.onRequest = ({ attempt }) => (attempt.attempt === 'call-1' ? 'approved' : 'denied')
      const execute = vi.fn((_given: unknown) => 'exported')
      provider.script({ calls: [call('call-1'), call('call-2')] }, { text: 'done' })
      expect(await run(sdk, guard(make(execute) as never))).toEqual({
        'call-1': 'exported',
        'call-2': expect.stringMatching(/APPROVAL_DENIED/),
      })
      expect(execute.mock.calls.map(([one]) => one)).toEqual([given])
    },
  )

  test('guard - in a process without a gate nothing runs', async () => {
    const execute = vi.fn()
    provider.script({ calls: [call('call-1')] }, { text: 'done' })
    await expect(run(sdk, guard(plain(execute)))).rejects.toThrow(/This process has no gate/)
    expect(execute).not.toHaveBeenCalled()
  })

  test('guard - parse() of a request that offers a guarded tool returns what it always does', async () => {
    const { OpenAI } = sdk.main
    const client = new OpenAI({ apiKey: 'test', baseURL: `${provider.url}/v1` })
    provider.script({ calls: [call('call-1')] })
    const tools = [guard(typed(() => 'never'))]
    const parsed = await client.chat.completions.parse({
      model: 'm',
      messages: MESSAGES,
      tools: tools as never,
    })
    expect(parsed.choices[0]?.message.tool_calls?.[0]).toMatchObject({
      function: { name: NAME, parsed_arguments: { limit: 1 } },
    })
    expect(provider.calls[0]?.body.tools).toEqual(JSON.parse(JSON.stringify([typed(() => 'never')])))
  })
})

test('guard - a loop that calls its tools itself is held as well', async () => {
  useGate(scene.gate)
  scene.broker.onRequest = () => 'denied'
  const execute = vi.fn()
  const { function: guarded } = guard(plain(execute))
  expect(await guarded.function('{"limit":1}')).toMatch(/APPROVAL_DENIED/)
  expect(scene.broker.requests[0]?.attempt.action).toMatchObject({ name: NAME, arguments: { limit: 1 } })
  expect(execute).not.toHaveBeenCalled()
})

test('guard - the same tool guarded twice is guarded once, and is still what it was', () => {
  const tool = plain(() => 'x')
  const guarded = guard(tool)
  expect(guard(tool)).toBe(guarded)
  expect(guard(guarded)).toBe(guarded)
  expect(JSON.stringify(guarded)).toBe(JSON.stringify(tool))
  expect(guarded.function.function.name).toBe(tool.function.function.name)
})

test('guard - a tool without a function is refused, whatever the compiler was told', () => {
  expect(() => guard({ type: 'function', function: { name: NAME } } as never)).toThrow(/has no function/)
  expect(() =>
    guard(esm.zod.zodFunction({ name: NAME, parameters: z.object({}) as never }) as never),
  ).toThrow(/has no function/)
})

test('guard - with a hook besides, a guarded tool asks once', async () => {
  useGate(scene.gate)
  const instrumentation = instrumentations.find(({ name }) => name === 'openai')
  instrumentation?.patch(esm.main as never, scene.gate)
  instrumentation?.patch(esm.runner as never, scene.gate)
  scene.broker.onRequest = () => 'approved'
  for (const copy of [(tool: object) => tool, (tool: object) => ({ ...tool })]) {
    scene.broker.requests.length = 0
    const execute = vi.fn(() => 'exported')
    provider.script({ calls: [call('call-1')] }, { text: 'done' })
    expect(await run(esm, copy(guard(plain(execute))))).toEqual({ 'call-1': 'exported' })
    expect(execute).toHaveBeenCalledTimes(1)
    expect(scene.broker.requests).toHaveLength(1)
  }
})

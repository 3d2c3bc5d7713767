import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { instrumentations, useGate } from '#instrumentation'
import { guard } from '../../../instrumentation/langchain/index.ts'
import { type Scene, startScene } from '../../support/gate-scene.ts'
import { pause } from '../../support/pause.ts'
import { driver, outputsOf, type Sdk } from '../drivers/langchain.ts'

/** No hook is installed, until the last test: as in a program that a bundler has put into one file. */
const [esm, cjs] = (await Promise.all(driver.copies.map(({ load }) => load()))) as [Sdk, Sdk]
let scene: Scene
beforeAll(async () => {
  scene = await startScene()
})
afterAll(() => scene.stop())
afterEach(() => {
  useGate(undefined)
  scene.broker.onRequest = () => undefined
  for (const told of ['requests', 'calls', 'outcomes'] as const) scene.broker[told].length = 0
})

const named = { name: 'export_customers', description: 'Exports', schema: z.object({ limit: z.number() }) }
const call = (limit: number) => ({ id: `call-${limit}`, name: 'export_customers', args: { limit } })

describe.each([
  ['ESM', esm],
  ['CommonJS', cjs],
])('the %s copy', (_name, { langchain, tools, testing }) => {
  test('guard - a guarded tool is held without any hook, and runs what was approved', async () => {
    useGate(scene.gate)
    scene.broker.onRequest = ({ attempt }) => (attempt.attempt === 'call-1' ? 'approved' : 'denied')
    const execute = vi.fn(async () => 'exported')
    const tool = tools.tool(execute, named)
    expect(guard(tool)).toBe(tool)
    const model = testing
      .fakeModel()
      .respondWithTools([call(1), call(2)])
      .respond(new langchain.AIMessage('done'))
    const agent = langchain.createAgent({ model, tools: [tool] })
    await agent.invoke({ messages: [new langchain.HumanMessage('go')] })
    expect(outputsOf(model)).toMatchObject({
      'call-1': { text: 'exported' },
      'call-2': { isError: true, text: expect.stringMatching(/APPROVAL_DENIED/) },
    })
    expect(execute).toHaveBeenCalledTimes(1)
  })

  test('guard - its own timeout begins when it runs', async () => {
    useGate(scene.gate)
    const tool = guard(tools.tool(async () => 'exported', { ...named, defaultConfig: { timeout: 30 } }))
    const running = tool.invoke({ limit: 1 })
    await vi.waitFor(() => expect(scene.broker.requests).toHaveLength(1))
    await pause(60)
    scene.broker.decide(scene.broker.requests[0] as never, 'approved')
    expect(await running).toBe('exported')
  })

  test('guard - in a process without a gate nothing runs', async () => {
    const execute = vi.fn()
    await expect(guard(tools.tool(execute, named)).invoke({ limit: 1 })).rejects.toThrow(/has no gate/)
    expect(execute).not.toHaveBeenCalled()
  })

  test('guard - a tool that is guarded twice asks once', async () => {
    useGate(scene.gate)
    scene.broker.onRequest = () => 'approved'
    const tool = guard(guard(tools.tool(async () => 'exported', named)))
    expect(await tool.invoke({ limit: 1 })).toBe('exported')
    expect(scene.broker.requests).toHaveLength(1)
  })
})

test('guard - with a hook, before or after, a guarded tool asks once', async () => {
  const { tools } = esm
  useGate(scene.gate)
  scene.broker.onRequest = () => 'approved'
  const before = guard(tools.tool(async () => 'before', named))
  instrumentations.find(({ name }) => name === 'langchain')?.patch(tools as never, scene.gate)
  const after = guard(tools.tool(async () => 'after', named))
  expect(await after.invoke({ limit: 1 })).toBe('after')
  expect(scene.broker.requests).toHaveLength(1)
  expect(await before.invoke({ limit: 1 })).toBe('before')
  expect(scene.broker.requests).toHaveLength(2)
})

import type { ToolSet } from 'ai'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { instrumentations, useGate } from '#instrumentation'
import { guard, requestApprovals, resumeApprovals } from '../../../instrumentation/ai/index.ts'
import { type Scene, startScene } from '../../support/gate-scene.ts'
import { callOf, PARAMETERS } from '../../support/instrumentation.ts'
import { collect, driver, modelOf, outputsOf, type Sdk } from '../drivers/ai.ts'

/** No hook is installed, until the last test: as in a program that a bundler has put into one file. */
const sdk = (await driver.copies[0]?.load()) as Sdk
const { ai, testing } = sdk
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

const toolOf = (execute: unknown, more: object = {}) =>
  ai.tool({ description: 'Exports', inputSchema: PARAMETERS, execute: execute as never, ...more })

async function run(tools: ToolSet, calls = [callOf(1)], options: object = { prompt: 'go' }) {
  const model = modelOf(testing, { calls })
  const result = await sdk.ai.generateText({ model, tools, stopWhen: ai.isStepCount(2), ...options } as never)
  return { result, outputs: outputsOf(model) }
}

test('guard - guarded tools are held without any hook, and run what was approved', async () => {
  useGate(scene.gate)
  scene.broker.onRequest = ({ attempt }) => (attempt.attempt === 'call-1' ? 'approved' : 'denied')
  const execute = vi.fn(async () => 'exported')
  const { outputs } = await run(guard({ export_customers: toolOf(execute) }), [callOf(1), callOf(2)])
  expect(outputs).toMatchObject({
    'call-1': { text: 'exported' },
    'call-2': { isError: true, text: expect.stringMatching(/APPROVAL_DENIED/) },
  })
  expect(execute.mock.calls).toEqual([[callOf(1).arguments, expect.anything()]])
  expect(scene.broker.requests.map(({ attempt }) => attempt.action.name)).toEqual([
    'export_customers',
    'export_customers',
  ])
})

test('guard - one tool is guarded by the name that the model calls it by', async () => {
  useGate(scene.gate)
  scene.broker.onRequest = () => 'denied'
  const execute = vi.fn()
  await run({ export_customers: guard(toolOf(execute), 'export_customers') })
  expect(scene.broker.requests).toMatchObject([{ attempt: { action: { name: 'export_customers' } } }])
  expect(execute).not.toHaveBeenCalled()
})

test('guard - in a process without a gate nothing runs', async () => {
  const execute = vi.fn()
  const { outputs } = await run(guard({ export_customers: toolOf(execute) }))
  expect(outputs['call-1']).toMatchObject({ isError: true, text: expect.stringMatching(/has no gate/) })
  expect(execute).not.toHaveBeenCalled()
})

test('guard - a guarded tool is still what it was, and guarded twice it asks once', async () => {
  useGate(scene.gate)
  scene.broker.onRequest = () => 'approved'
  const tool = toolOf(async () => 'exported', { needsApproval: () => false, title: 'Export' })
  const guarded = guard(guard({ export_customers: tool }))
  expect(Object.keys(guarded.export_customers)).toEqual(Object.keys(tool))
  expect(guarded.export_customers).toMatchObject({ title: 'Export', description: 'Exports' })
  expect((await run(guarded)).outputs['call-1']).toMatchObject({ text: 'exported' })
  expect(scene.broker.requests).toHaveLength(1)
})

test('guard - a tool that streams, streams', async () => {
  useGate(scene.gate)
  scene.broker.onRequest = () => 'approved'
  async function* execute() {
    yield 'one'
    yield 'two'
  }
  const values = async (tool: unknown) => {
    const options = { toolCallId: 'c', messages: [], context: {} }
    const tools = guard({ export_customers: toolOf(tool) })
    const result = tools.export_customers.execute?.(callOf(1).arguments, options as never)
    return Symbol.asyncIterator in (result as object) ? collect(result as AsyncIterable<unknown>) : result
  }
  expect(await values(execute)).toEqual(['one', 'two'])
  // One that only turns out to be a stream when it is called is waited for.
  expect(await values(() => execute())).toBe('two')
})

test('guard - without a hook a tool’s timeout runs while people decide: the call is given up, and nothing runs', async () => {
  useGate(scene.gate)
  const execute = vi.fn()
  const tools = guard({ export_customers: toolOf(execute) })
  const { outputs } = await run(tools, [callOf(1)], { prompt: 'go', timeout: { toolMs: 100 } })
  expect(outputs['call-1']?.text).toMatch(/APPROVAL_CANCELLED/)
  expect(execute).not.toHaveBeenCalled()
  await vi.waitFor(() => expect(scene.broker.requests).toMatchObject([{ state: 'cancelled' }]))
})

test('guard - its interrupted approvals outlive the process as well', async () => {
  useGate(scene.gate)
  const execute = vi.fn(async () => 'exported')
  const tools = guard({ export_customers: toolOf(execute, { needsApproval: true }) })
  const go = { role: 'user' as const, content: 'go' }
  const { result } = await run(tools, [callOf(1)], { messages: [go] })
  const held = await requestApprovals(result.content)
  scene.broker.decide(scene.broker.requests[0] as never, 'approved')
  const resumed = await resumeApprovals([go, ...result.responseMessages], held)
  if (!resumed.ready) throw new Error('expected ready')
  const { outputs } = await run(tools, [], { messages: resumed.messages })
  expect(outputs['call-1']).toMatchObject({ text: 'exported' })
  expect(scene.broker.requests).toHaveLength(1)
})

test('guard - with hooks besides, a guarded tool asks once, and says all that the hooks know', async () => {
  useGate(scene.gate)
  const instrumentation = instrumentations.find(({ name }) => name === 'ai')
  driver.install?.(sdk, (exports) => instrumentation?.patch(exports as never, scene.gate))
  scene.broker.onRequest = () => 'approved'
  const execute = vi.fn(async () => 'exported')
  const options = { prompt: 'go', runtimeContext: { conversationId: 'conv-1' } }
  await run(guard({ export_customers: toolOf(execute) }), [callOf(1)], options)
  expect(execute).toHaveBeenCalledTimes(1)
  expect(scene.broker.requests).toMatchObject([{ attempt: { conversation: 'conv-1' } }])
})

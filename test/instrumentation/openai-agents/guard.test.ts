import type { Tool } from '@openai/agents-core'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { instrumentations, useGate } from '#instrumentation'
import {
  guard,
  requestInterruptions,
  resumeInterruptions,
} from '../../../instrumentation/openai-agents/index.ts'
import { type Scene, startScene } from '../../support/gate-scene.ts'
import { driver, outputsOf, type Sdk } from '../drivers/openai-agents.ts'

/** No hook is installed: as in a program that a bundler has put into one file. */
const [esm, cjs] = (await Promise.all(driver.copies.map(({ load }) => load()))) as [Sdk, Sdk]
let scene: Scene
beforeAll(async () => {
  scene = await startScene()
  for (const { agents } of [esm, cjs]) agents.setTracingDisabled(true)
})
afterAll(() => scene.stop())
afterEach(() => {
  useGate(undefined)
  scene.broker.onRequest = () => undefined
  for (const told of ['requests', 'calls', 'outcomes'] as const) scene.broker[told].length = 0
})

describe.each([
  ['ESM', esm],
  ['CommonJS', cjs],
])('the %s copy', (_name, { agents, testing }) => {
  const { ScriptedModel, functionCall, assistantMessage } = testing
  const exportTool = (execute: () => unknown, more: object = {}) =>
    agents.tool({
      name: 'export_customers',
      description: 'Exports customers',
      parameters: z.object({ limit: z.number() }),
      execute: execute as never,
      ...more,
    })
  const call = (limit: number) => functionCall('export_customers', { limit }, { callId: `call-${limit}` })
  const agentWith = (tool: Tool, ...turns: object[][]) => {
    const model = new ScriptedModel(turns as never)
    return { model, agent: new agents.Agent({ name: 'Clerk', model, tools: [tool] }) }
  }
  const done = [assistantMessage('done')]

  test('guard - a guarded tool is held without any hook, and runs what was approved', async () => {
    useGate(scene.gate)
    scene.broker.onRequest = ({ attempt }) => (attempt.attempt === 'call-1' ? 'approved' : 'denied')
    const execute = vi.fn(async () => 'exported')
    const { model, agent } = agentWith(guard(exportTool(execute)), [call(1), call(2)], done)
    await agents.run(agent, 'go')
    expect(outputsOf(model)).toMatchObject({
      'call-1': { text: 'exported' },
      'call-2': { text: expect.stringMatching(/APPROVAL_DENIED/) },
    })
    expect(execute).toHaveBeenCalledTimes(1)
  })

  test('guard - in a process without a gate nothing runs', async () => {
    const execute = vi.fn()
    const { agent } = agentWith(guard(exportTool(execute)), [call(1)], done)
    await expect(agents.run(agent, 'go')).rejects.toThrow(/This process has no gate/)
    expect(execute).not.toHaveBeenCalled()
  })

  test('guard - the same tool guarded twice is guarded once, and is still what it was', () => {
    const tool = exportTool(async () => 'x', { timeoutMs: 30 })
    const guarded = guard(tool)
    expect(guard(tool)).toBe(guarded)
    expect(guard(guarded)).toBe(guarded)
    const { invoke: _ours, inputGuardrails, ...rest } = guarded
    const { invoke: _its, inputGuardrails: _none, ...others } = tool
    expect(rest).toEqual(others)
    expect(inputGuardrails).toHaveLength(1)
  })

  test('guard - its interruptions outlive the process as well', async () => {
    useGate(scene.gate)
    const execute = vi.fn(async () => 'exported')
    const tool = guard(exportTool(execute, { needsApproval: true }))
    const before = agentWith(tool, [call(1)])
    const result = await agents.run(before.agent, 'go')
    const held = await requestInterruptions(result)
    scene.broker.decide(scene.broker.requests[0] as never, 'approved')
    const after = agentWith(tool, done)
    const state = await agents.RunState.fromString(after.agent, result.state.toString())
    await resumeInterruptions(state, held)
    await agents.run(after.agent, state)
    expect(outputsOf(after.model)).toEqual({ 'call-1': { text: 'exported' } })
    expect(scene.broker.requests).toHaveLength(1)
  })
})

test('guard - with a hook besides, a guarded tool asks once', async () => {
  const { agents, testing } = esm
  useGate(scene.gate)
  instrumentations.find(({ name }) => name === 'openai-agents')?.patch(agents as never, scene.gate)
  scene.broker.onRequest = () => 'approved'
  const execute = vi.fn(async () => 'exported')
  const name = 'export_customers'
  const tool = agents.tool({ name, description: name, parameters: z.object({}), execute })
  const model = new testing.ScriptedModel([
    [testing.functionCall(name, {}, { callId: 'call-1' })],
    [testing.assistantMessage('done')],
  ])
  await agents.run(new agents.Agent({ name: 'Clerk', model, tools: [guard(tool)] }), 'go')
  expect(execute).toHaveBeenCalledTimes(1)
  expect(scene.broker.requests).toHaveLength(1)
})

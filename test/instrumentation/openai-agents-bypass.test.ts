import { createRequire } from 'node:module'
import * as esm from '@openai/agents-core'
import * as testing from '@openai/agents-core/testing'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { instrumentations } from '#instrumentation'
import { type Scene, startScene } from '../support/gate-scene.ts'
import { outputsOf } from '../support/tool-outputs.ts'

const require = createRequire(import.meta.url)
const cjs = require('@openai/agents-core') as typeof esm
const cjsTesting = require('@openai/agents-core/testing') as typeof testing

let scene: Scene
beforeAll(async () => {
  scene = await startScene()
  for (const sdk of [esm, cjs]) {
    sdk.setTracingDisabled(true)
    instrumentations.find(({ name }) => name === 'openai-agents')?.patch(sdk as never, scene.gate)
  }
})
afterAll(() => scene.stop())
afterEach(() => {
  scene.broker.onRequest = () => undefined
  scene.broker.requests.length = 0
})

const { functionCall, assistantMessage } = testing
const done = [assistantMessage('done')]

describe.each([
  ['ESM', esm, testing],
  ['CommonJS', cjs, cjsTesting],
])('the %s copy', (_name, sdk, { ScriptedModel }) => {
  function exportTool(execute: (given: { limit: number }) => unknown, name = 'export_customers') {
    return sdk.tool({
      name,
      description: 'Exports customers',
      parameters: z.object({ limit: z.number() }),
      execute: execute as never,
    })
  }

  /** A tool of the model's provider that lets the program look for more tools. */
  function searchTool(found: () => unknown) {
    const search = {
      type: 'hosted_tool' as const,
      name: 'tool_search',
      providerData: { type: 'tool_search', execution: 'client' },
    }
    return sdk.attachClientToolSearchExecutor(search, found as never)
  }
  const searchCall = {
    type: 'tool_search_call' as const,
    id: 'search-1',
    status: 'completed' as const,
    execution: 'client',
    call_id: 'search-1',
    arguments: { paths: ['export_customers'] },
  }

  test.each([
    ['in a list', (tool: unknown) => [tool]],
    ['alone', (tool: unknown) => tool],
    ['later', async (tool: unknown) => [tool]],
  ])(
    'openai-agents - a tool that a search finds while the agent runs, %s, is held as well',
    async (_how, give) => {
      scene.broker.onRequest = () => 'denied'
      const execute = vi.fn()
      const model = new ScriptedModel([
        // In the same turn as it is found, and in a later one.
        [searchCall as never, functionCall('export_customers', { limit: 1 }, { callId: 'same-turn' })],
        [functionCall('export_customers', { limit: 2 }, { callId: 'next-turn' })],
        done,
      ])
      const tools = [searchTool(() => give(exportTool(execute))) as never]
      await sdk.run(new sdk.Agent({ name: 'Clerk', model, tools }), 'go')
      expect(execute).not.toHaveBeenCalled()
      expect(outputsOf(model)).toMatchObject({
        'same-turn': expect.stringMatching(/APPROVAL_DENIED/),
        'next-turn': expect.stringMatching(/APPROVAL_DENIED/),
      })
      expect(scene.broker.requests.map(({ attempt }) => attempt.action.kind)).toEqual(['tool', 'tool'])
    },
  )

  test('openai-agents - a handoff and an agent as a tool are held as well', async () => {
    scene.broker.onRequest = () => 'denied'
    const execute = vi.fn()
    const inner = (name: string) =>
      new sdk.Agent({
        name,
        model: new ScriptedModel([[functionCall('export_customers', { limit: 1 }, { callId: name })], done]),
        tools: [exportTool(execute)],
      })
    const outer = new sdk.Agent({
      name: 'Outer',
      model: new ScriptedModel([
        [functionCall('lookup_inner', { input: 'go' }, { callId: 'as-tool' })],
        [functionCall('transfer_to_second', {}, { callId: 'handoff' })],
      ]),
      tools: [inner('first').asTool({ toolName: 'lookup_inner', toolDescription: 'asks' })],
      handoffs: [inner('second')],
    })
    const result = await sdk.run(outer, 'go')
    expect(result.finalOutput).toBe('done')
    expect(scene.broker.requests.map(({ attempt }) => attempt.attempt)).toEqual(['first', 'second'])
    expect(execute).not.toHaveBeenCalled()
  })

  test('openai-agents - a streamed run is held as well', async () => {
    scene.broker.onRequest = () => 'denied'
    const execute = vi.fn()
    const model = new ScriptedModel([[functionCall('export_customers', { limit: 1 }, { callId: 'c' })], done])
    const agent = new sdk.Agent({ name: 'Clerk', model, tools: [exportTool(execute)] })
    const result = await sdk.run(agent, 'go', { stream: true, conversationId: 'conv-2' })
    await result.completed
    expect(execute).not.toHaveBeenCalled()
    expect(scene.broker.requests.map(({ attempt }) => attempt.conversation)).toEqual(['conv-2'])
  })
})

import { createRequire } from 'node:module'
import * as esm from '@openai/agents-core'
import * as testing from '@openai/agents-core/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { instrumentations } from '#instrumentation'
import { type Scene, startScene } from '../support/gate-scene.ts'
import { type RecordedSpans, recordSpans } from '../support/spans.ts'
import { outputsOf } from '../support/tool-outputs.ts'

const require = createRequire(import.meta.url)
const cjs = require('@openai/agents-core') as typeof esm
const cjsTesting = require('@openai/agents-core/testing') as typeof testing

const instrumentation = instrumentations.find(
  ({ name }) => name === 'openai-agents',
) as (typeof instrumentations)[number]
let scene: Scene
let spans: RecordedSpans

beforeAll(async () => {
  spans = recordSpans()
  scene = await startScene()
  for (const sdk of [esm, cjs]) {
    sdk.setTracingDisabled(true)
    instrumentation.patch(sdk as never, scene.gate)
    // A module that is loaded under two names is patched once.
    instrumentation.patch(sdk as never, scene.gate)
  }
})
afterAll(async () => {
  await scene.stop()
  await spans.stop()
})
beforeEach(() => spans.reset())
afterEach(() => {
  scene.broker.onRequest = () => undefined
  scene.broker.requests.length = 0
})

const { functionCall, assistantMessage } = testing
const done = [assistantMessage('done')]
const nothing = { behavior: { type: 'allow' as const } }

describe.each([
  ['ESM', esm, testing],
  ['CommonJS', cjs, cjsTesting],
])('the %s copy', (_name, sdk, { ScriptedModel }) => {
  const script = (...calls: [string, Record<string, unknown>, string][]) =>
    new ScriptedModel([calls.map(([name, given, callId]) => functionCall(name, given, { callId })), done])

  function exportTool(execute: (given: { limit: number }) => unknown, more: object = {}) {
    return sdk.tool({
      name: 'export_customers',
      description: 'Exports customers',
      parameters: z.object({ limit: z.number() }),
      execute: execute as never,
      ...more,
    })
  }

  test('openai-agents - an allowed tool runs, and nobody is asked', async () => {
    const execute = vi.fn(async () => 'Ada')
    const lookup = sdk.tool({
      name: 'lookup_customer',
      description: 'd',
      parameters: z.object({ id: z.string() }),
      execute,
    })
    const model = script(['lookup_customer', { id: '7' }, 'call-1'])
    const result = await sdk.run(new sdk.Agent({ name: 'Clerk', model, tools: [lookup] }), 'go')
    expect(result.finalOutput).toBe('done')
    expect(execute).toHaveBeenCalledTimes(1)
    expect(outputsOf(model)).toEqual({ 'call-1': 'Ada' })
    expect(scene.broker.requests).toEqual([])
    expect(spans.named('execute_tool lookup_customer')).toHaveLength(1)
  })

  test('openai-agents - a held tool runs once, after the approval, with the approved arguments', async () => {
    const execute = vi.fn(async ({ limit }: { limit: number }) => `exported ${limit}`)
    const model = script(['export_customers', { limit: 100 }, 'call-2'])
    const agent = new sdk.Agent({ name: 'Clerk', model, tools: [exportTool(execute)] })
    const result = sdk.run(agent, 'go', { conversationId: 'conv-1' })
    await vi.waitFor(() => expect(scene.broker.requests).toHaveLength(1))
    expect(execute).not.toHaveBeenCalled()
    const [request] = scene.broker.requests
    expect(request?.attempt).toMatchObject({
      attempt: 'call-2',
      conversation: 'conv-1',
      action: { kind: 'tool', name: 'export_customers', arguments: { limit: 100 } },
    })
    scene.broker.decide(request as never, 'approved')
    await result
    expect(execute).toHaveBeenCalledTimes(1)
    expect(execute.mock.calls[0]?.[0]).toEqual({ limit: 100 })
    expect(outputsOf(model)).toEqual({ 'call-2': 'exported 100' })
    const [span] = spans.named('execute_tool export_customers')
    expect(span?.attributes).toMatchObject({
      'gen_ai.agent.name': 'Clerk',
      'gen_ai.tool.call.id': 'call-2',
      'gen_ai.conversation.id': 'conv-1',
      'holdpoint.approval.decision': 'approved',
      'holdpoint.outcome': 'executed',
    })
  })

  test('openai-agents - a denied tool is never called, and the model reads why', async () => {
    const execute = vi.fn()
    const model = script(['export_customers', { limit: 100 }, 'call-3'])
    const result = sdk.run(new sdk.Agent({ name: 'Clerk', model, tools: [exportTool(execute)] }), 'go')
    await vi.waitFor(() => expect(scene.broker.requests).toHaveLength(1))
    scene.broker.decide(scene.broker.requests[0] as never, 'denied', 'Audit first')
    expect((await result).finalOutput).toBe('done')
    expect(execute).not.toHaveBeenCalled()
    expect(outputsOf(model)['call-3']).toMatch(/APPROVAL_DENIED.*Audit first/s)
  })

  test('openai-agents - the tool’s timeout does not run while people decide', async () => {
    const execute = vi.fn(async () => 'exported')
    const model = script(['export_customers', { limit: 1 }, 'call-4'])
    const tool = exportTool(execute, { timeoutMs: 30 })
    const result = sdk.run(new sdk.Agent({ name: 'Clerk', model, tools: [tool] }), 'go')
    await vi.waitFor(() => expect(scene.broker.requests).toHaveLength(1))
    await new Promise((resolve) => setTimeout(resolve, 60))
    scene.broker.decide(scene.broker.requests[0] as never, 'approved')
    await result
    expect(outputsOf(model)).toEqual({ 'call-4': 'exported' })
  })

  test('openai-agents - a tool’s own error reaches the model as it does without a gate', async () => {
    scene.broker.onRequest = () => 'approved'
    const execute = vi.fn(async () => {
      throw new Error('disk full')
    })
    const model = script(['export_customers', { limit: 1 }, 'call-5'])
    await sdk.run(new sdk.Agent({ name: 'Clerk', model, tools: [exportTool(execute)] }), 'go')
    expect(execute).toHaveBeenCalledTimes(1)
    expect(outputsOf(model)['call-5']).toBe('An error occurred while running the tool. Please try again.')
  })

  test('openai-agents - a tool without an error function ends the run with its own error', async () => {
    scene.broker.onRequest = () => 'approved'
    const tool = exportTool(() => Promise.reject(new RangeError('disk full')), { errorFunction: null })
    const model = script(['export_customers', { limit: 1 }, 'call-6'])
    const result = sdk.run(new sdk.Agent({ name: 'Clerk', model, tools: [tool] }), 'go')
    await expect(result).rejects.toThrow(/disk full/)
    expect(spans.named('execute_tool export_customers')[0]?.attributes).toMatchObject({
      'holdpoint.outcome': 'failed',
      'error.type': 'RangeError',
    })
  })

  test('openai-agents - two equal calls in one turn are two requests, decided independently', async () => {
    const execute = vi.fn(async () => 'exported')
    const model = script(
      ['export_customers', { limit: 1 }, 'call-7'],
      ['export_customers', { limit: 1 }, 'call-8'],
    )
    const result = sdk.run(new sdk.Agent({ name: 'Clerk', model, tools: [exportTool(execute)] }), 'go')
    await vi.waitFor(() => expect(scene.broker.requests).toHaveLength(2))
    for (const request of scene.broker.requests)
      scene.broker.decide(request, request.attempt.attempt === 'call-8' ? 'approved' : 'denied')
    await result
    expect(execute).toHaveBeenCalledTimes(1)
    expect(outputsOf(model)).toEqual({
      'call-7': expect.stringMatching(/APPROVAL_DENIED/),
      'call-8': 'exported',
    })
  })

  test('openai-agents - a user’s guardrail runs before the gate, and what it rejects is not put before a person', async () => {
    const execute = vi.fn(async () => 'exported')
    const userGuardrail = vi.fn(async ({ toolCall }: { toolCall: { arguments: string } }) =>
      toolCall.arguments.includes('13')
        ? { behavior: { type: 'rejectContent' as const, message: 'unlucky' } }
        : nothing,
    )
    const tool = exportTool(execute, { inputGuardrails: [{ name: 'luck', run: userGuardrail }] })
    const model = new ScriptedModel([
      [functionCall('export_customers', { limit: 13 }, { callId: 'call-9' })],
      [functionCall('export_customers', { limit: 14 }, { callId: 'call-10' })],
      done,
    ])
    scene.broker.onRequest = () => 'approved'
    await sdk.run(new sdk.Agent({ name: 'Clerk', model, tools: [tool] }), 'go')
    expect(userGuardrail).toHaveBeenCalledTimes(2)
    expect(scene.broker.requests).toHaveLength(1)
    expect(execute).toHaveBeenCalledTimes(1)
    expect(outputsOf(model)).toEqual({ 'call-9': 'unlucky', 'call-10': 'exported' })
  })

  test('openai-agents - arguments that two parsers could read differently are refused', async () => {
    const execute = vi.fn()
    const model = new ScriptedModel([
      [
        functionCall('export_customers', '{"limit":1,"limit":1000000}', { callId: 'call-11' }),
        functionCall('export_customers', '{"limit":', { callId: 'call-12' }),
      ],
      done,
    ])
    await sdk.run(new sdk.Agent({ name: 'Clerk', model, tools: [exportTool(execute)] }), 'go')
    expect(execute).not.toHaveBeenCalled()
    expect(outputsOf(model)).toEqual({
      'call-11': expect.stringMatching(/INVALID_INPUT.*"limit" twice/),
      // The SDK's own words: what it cannot parse, it does not offer to anybody.
      'call-12': expect.stringMatching(/parsing tool arguments/),
    })
  })

  test('openai-agents - a run that is aborted cancels its request, and a late approval runs nothing', async () => {
    const execute = vi.fn()
    const caller = new AbortController()
    const model = script(['export_customers', { limit: 1 }, 'call-13'])
    const agent = new sdk.Agent({ name: 'Clerk', model, tools: [exportTool(execute)] })
    const result = sdk.run(agent, 'go', { signal: caller.signal })
    await vi.waitFor(() => expect(scene.broker.requests).toHaveLength(1))
    const [request] = scene.broker.requests
    caller.abort()
    await Promise.allSettled([result])
    await vi.waitFor(() => expect(request?.state).toBe('cancelled'))
    scene.broker.decide(request as never, 'approved')
    expect(execute).not.toHaveBeenCalled()
  })
})

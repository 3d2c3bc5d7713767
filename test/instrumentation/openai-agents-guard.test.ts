import { createRequire } from 'node:module'
import * as esm from '@openai/agents-core'
import * as testing from '@openai/agents-core/testing'
import { InstrumentationBase, InstrumentationNodeModuleDefinition } from '@opentelemetry/instrumentation'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { createGate, instrumentations } from '#instrumentation'
import { configFor, type Scene, startScene } from '../support/gate-scene.ts'
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

  test('openai-agents - a tool that is invoked past its guardrails is held as well', async () => {
    const execute = vi.fn(async () => 'exported')
    const agent = new sdk.Agent({ name: 'Clerk', tools: [exportTool(execute)] })
    const [tool] = (await agent.getAllTools(new sdk.RunContext())) as {
      invoke: (...given: unknown[]) => Promise<unknown>
    }[]
    scene.broker.onRequest = () => 'denied'
    expect(await tool?.invoke(new sdk.RunContext(), '{"limit":1}')).toMatch(/APPROVAL_DENIED/)
    expect(execute).not.toHaveBeenCalled()
    scene.broker.onRequest = () => 'approved'
    expect(await tool?.invoke(new sdk.RunContext(), '{"limit":1}')).toBe('exported')
  })

  test('openai-agents - asking for the tools again returns the same guarded tools', async () => {
    const agent = new sdk.Agent({ name: 'Clerk', tools: [exportTool(async () => 'x')] })
    const [first] = await agent.getAllTools(new sdk.RunContext())
    const [second] = await agent.getAllTools(new sdk.RunContext())
    expect(second).toBe(first)
    const other = new sdk.Agent({ name: 'Other', tools: [first as never] })
    const [third] = await other.getAllTools(new sdk.RunContext())
    expect(third).toBe(first)
    expect((third as unknown as { inputGuardrails: unknown[] }).inputGuardrails).toHaveLength(1)
  })

  test('openai-agents - another instrumentation of the same method does not take the gate away', async () => {
    class Other extends InstrumentationBase {
      constructor() {
        super('other', '1.0.0', {})
      }
      protected override init() {
        return new InstrumentationNodeModuleDefinition('unused', ['*'])
      }
      around(): number {
        let seen = 0
        this._wrap(
          sdk.Agent.prototype,
          'getAllTools',
          (original) =>
            function (this: unknown, ...given: unknown[]) {
              seen++
              return (original as (...given: unknown[]) => unknown).apply(this, given)
            } as never,
        )
        // A second one on top, as when it is enabled again: _wrap takes off its own first.
        this._wrap(sdk.Agent.prototype, 'getAllTools', (original) => original)
        return seen
      }
      off() {
        this._unwrap(sdk.Agent.prototype, 'getAllTools')
      }
    }
    const other = new Other()
    other.around()
    scene.broker.onRequest = () => 'denied'
    for (const step of ['wrapped', 'unwrapped']) {
      if (step === 'unwrapped') other.off()
      const execute = vi.fn()
      const model = script(['export_customers', { limit: 1 }, `call-${step}`])
      await sdk.run(new sdk.Agent({ name: 'Clerk', model, tools: [exportTool(execute)] }), 'go')
      expect(execute).not.toHaveBeenCalled()
      expect(outputsOf(model)[`call-${step}`]).toMatch(/APPROVAL_DENIED/)
    }
  })
})

test('openai-agents - a version without the method that is patched stops the start', () => {
  class Agent {}
  const gate = createGate(configFor(scene.broker, scene.nats.url), { now: Date.now })
  expect(() => instrumentation.patch({ Agent }, gate)).toThrow(/getAllTools/)
})

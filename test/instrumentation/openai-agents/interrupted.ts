import type { Agent, RunState } from '@openai/agents-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, vi } from 'vitest'
import { z } from 'zod'
import { instrumentations, useGate } from '#instrumentation'
import {
  type HeldCall,
  type HeldInterruptions,
  requestInterruptions,
  resumeInterruptions,
} from '../../../instrumentation/openai-agents/index.ts'
import { type Scene, startScene } from '../../support/gate-scene.ts'
import { type RecordedSpans, recordSpans } from '../../support/spans.ts'
import { driver, outputsOf, type Sdk } from '../drivers/openai-agents.ts'

const [esm, cjs] = (await Promise.all(driver.copies.map(({ load }) => load()))) as [Sdk, Sdk]
export const COPIES: [string, Sdk][] = [
  ['ESM', esm],
  ['CommonJS', cjs],
]

export let scene: Scene
export let spans: RecordedSpans

/** Both copies under a real gate, for all tests of one file. */
export function useScene(): void {
  beforeAll(async () => {
    spans = recordSpans()
    scene = await startScene({ config: { requestTimeoutMs: 1_000 } })
    useGate(scene.gate)
    for (const { agents } of [esm, cjs]) {
      agents.setTracingDisabled(true)
      instrumentations.find(({ name }) => name === 'openai-agents')?.patch(agents as never, scene.gate)
    }
  })
  afterAll(async () => {
    useGate(undefined)
    await scene.stop()
    await spans.stop()
  })
  beforeEach(() => spans.reset())
  afterEach(() => {
    scene.broker.onRequest = () => undefined
    scene.broker.intercept = (_call, honest) => honest
    for (const told of ['requests', 'calls', 'outcomes'] as const) scene.broker[told].length = 0
  })
}

export const decide = (index: number, ...how: ['approved' | 'denied' | 'expired', string?]) =>
  scene.broker.decide(scene.broker.requests[index] as never, ...how)
export const consumed = () => scene.broker.calls.filter(({ name }) => name === 'consume').length
export const pending = (held: HeldInterruptions, callId: string) =>
  (held.calls[callId] as Extract<HeldCall, { status: 'pending' }>).approval

/** What lies in a store between two processes. */
export interface Saved {
  state: string
  held: HeldInterruptions
}
type AnyState = RunState<unknown, Agent>

/** A program whose tool the SDK itself wants approved. */
export function interruptible({ agents, testing }: Sdk) {
  const { ScriptedModel, functionCall, assistantMessage } = testing
  const execute = vi.fn(async ({ limit }: { limit: number }) => `exported ${limit}`)
  beforeEach(() => void execute.mockClear())

  const exportTool = () =>
    agents.tool({
      name: 'export_customers',
      description: 'Exports customers',
      parameters: z.object({ limit: z.number() }),
      needsApproval: true,
      execute,
    })
  const agentWith = (model: InstanceType<typeof ScriptedModel>) =>
    new agents.Agent({ name: 'Clerk', model, tools: [exportTool()] })

  /** Runs until the SDK interrupts, asks, and keeps what a program would keep. */
  async function interrupt(...limits: number[]): Promise<Saved> {
    const calls = limits.map((limit) =>
      functionCall('export_customers', { limit }, { callId: `call-${limit}` }),
    )
    const result = await agents.run(agentWith(new ScriptedModel([calls])), 'go')
    const held = await requestInterruptions(result)
    expect(result.interruptions).toHaveLength(limits.length)
    return JSON.parse(JSON.stringify({ state: result.state.toString(), held }))
  }

  /** Another process, as far as objects go. */
  async function goOn({ state: text, held }: Saved, approveBefore = (_state: AnyState) => {}) {
    const model = new ScriptedModel([[assistantMessage('done')]])
    const agent = agentWith(model)
    const state = await agents.RunState.fromString(agent, text)
    approveBefore(state)
    const resumed = await resumeInterruptions(state, held)
    const result = await agents.run(agent, state)
    const saved = { state: result.state.toString(), held }
    // The SDK complains of a question for the output of a run that has none yet.
    const finalOutput = result.interruptions.length > 0 ? undefined : result.finalOutput
    return { ...resumed, finalOutput, outputs: outputsOf(model), saved }
  }

  return { execute, agentWith, interrupt, goOn }
}

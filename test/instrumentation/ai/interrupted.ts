import type { ModelMessage } from 'ai'
import { afterAll, afterEach, beforeAll, beforeEach, expect, vi } from 'vitest'
import { z } from 'zod'
import { instrumentations, useGate } from '#instrumentation'
import {
  type HeldApproval,
  type HeldApprovals,
  requestApprovals,
  resumeApprovals,
} from '../../../instrumentation/ai/index.ts'
import { type Scene, startScene } from '../../support/gate-scene.ts'
import type { Outputs } from '../../support/instrumentation.ts'
import { type RecordedSpans, recordSpans } from '../../support/spans.ts'
import { driver, modelOf, outputsOf, type Sdk } from '../drivers/ai.ts'

const sdk = (await driver.copies[0]?.load()) as Sdk
export const { ai, testing } = sdk
export let scene: Scene
export let spans: RecordedSpans

/** The SDK under a real gate, for all tests of one file. */
export function useScene(): void {
  beforeAll(async () => {
    spans = recordSpans()
    scene = await startScene({ config: { requestTimeoutMs: 1_000 } })
    useGate(scene.gate)
    const instrumentation = instrumentations.find(({ name }) => name === 'ai')
    driver.install?.(sdk, (exports) => instrumentation?.patch(exports as never, scene.gate))
  })
  afterAll(async () => {
    useGate(undefined)
    await scene.stop()
    await spans.stop()
  })
  beforeEach(() => {
    spans.reset()
    execute.mockClear()
  })
  afterEach(() => {
    scene.broker.onRequest = () => undefined
    scene.broker.intercept = (_call, honest) => honest
    for (const told of ['requests', 'calls', 'outcomes'] as const) scene.broker[told].length = 0
  })
}

export const execute = vi.fn(async ({ limit }: { limit: number }) => `exported ${limit}`)
export const named = (name: string) =>
  ai.tool({ description: name, inputSchema: z.object({ limit: z.number() }), needsApproval: true, execute })
export const tools = () => ({ export_customers: named('export'), lookup_customers: named('lookup') })

/** What lies in a store between two processes. */
export interface Saved {
  messages: ModelMessage[]
  held: HeldApprovals
}
export const GO: ModelMessage = { role: 'user', content: 'go' }
export const saved = <T>(value: T): T => JSON.parse(JSON.stringify(value))

/** Runs until the SDK interrupts, asks, and keeps what a program would keep. */
export async function interrupt(...limits: number[]): Promise<Saved> {
  const calls = limits.map((limit) => ({
    id: `call-${limit}`,
    name: 'export_customers',
    arguments: { limit },
  }))
  const model = modelOf(testing, { calls: calls as never })
  const result = await ai.generateText({ model, tools: tools(), messages: [GO] })
  const held = await requestApprovals(result.content, { agentName: 'Clerk', conversation: 'conv-1' })
  expect(Object.keys(held.calls)).toHaveLength(limits.length)
  return saved({ messages: [GO, ...result.responseMessages], held })
}

/** Another process, as far as objects go. */
export async function goOn({ messages, held }: Saved): Promise<{ waiting: string[]; outputs: Outputs }> {
  const resumed = await resumeApprovals(messages, held)
  if (!resumed.ready) return { waiting: resumed.waiting, outputs: {} }
  return { waiting: [], outputs: await run(resumed.messages) }
}
export async function run(messages: ModelMessage[]) {
  const model = modelOf(testing, { calls: [] })
  await ai.generateText({ model, tools: tools(), messages, stopWhen: ai.isStepCount(2) })
  return outputsOf(model)
}

export const decide = (index: number, ...how: ['approved' | 'denied' | 'expired', string?]) =>
  scene.broker.decide(scene.broker.requests[index] as never, ...how)
export const consumed = () => scene.broker.calls.filter(({ name }) => name === 'consume').length
/** The ids of approvals are the SDK's own. */
export const idOf = ({ held }: Saved, limit: number) =>
  Object.entries(held.calls).find(
    ([, call]) => call.status === 'pending' && call.approval.attempt === `call-${limit}`,
  )?.[0] as string
export const approvalOf = (one: Saved, limit: number) =>
  (one.held.calls[idOf(one, limit)] as Extract<HeldApproval, { status: 'pending' }>).approval
export const approve = (approvalId: string, approved = true) =>
  ({ role: 'tool', content: [{ type: 'tool-approval-response', approvalId, approved }] }) as ModelMessage

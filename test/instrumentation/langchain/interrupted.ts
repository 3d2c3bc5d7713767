import { createRequire } from 'node:module'
import * as langgraph from '@langchain/langgraph'
import * as prebuilt from '@langchain/langgraph/prebuilt'
import { afterAll, afterEach, beforeAll, beforeEach, expect, vi } from 'vitest'
import { z } from 'zod'
import { instrumentations, type PendingApproval, useGate } from '#instrumentation'
import { type GraphInterrupt, interruptible } from '../../../instrumentation/langchain/index.ts'
import { type Scene, startScene } from '../../support/gate-scene.ts'
import { type RecordedSpans, recordSpans } from '../../support/spans.ts'
import { type Sdk as Core, driver, outputsOf } from '../drivers/langchain.ts'

export interface Sdk extends Core {
  langgraph: typeof langgraph
  prebuilt: typeof prebuilt
}
const require = createRequire(import.meta.url)
const [esm, cjs] = (await Promise.all(driver.copies.map(({ load }) => load()))) as [Core, Core]
export const COPIES: [string, Sdk][] = [
  ['ESM', { ...esm, langgraph, prebuilt }],
  [
    'CommonJS',
    {
      ...cjs,
      langgraph: require('@langchain/langgraph'),
      prebuilt: require('@langchain/langgraph/prebuilt'),
    },
  ],
]

export let scene: Scene
export let spans: RecordedSpans

/** Both copies under a real gate, for all tests of one file. */
export function useScene(): void {
  beforeAll(async () => {
    spans = recordSpans()
    scene = await startScene()
    useGate(scene.gate)
    for (const { tools } of [esm, cjs])
      instrumentations.find(({ name }) => name === 'langchain')?.patch(tools as never, scene.gate)
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

/** A program whose graph is interrupted where a call is held. */
export function interruptedGraphs({
  langchain,
  tools,
  testing,
  langgraph: { Command, interrupt, MemorySaver },
}: Sdk) {
  const execute = vi.fn(async ({ limit }: { limit: number }) => `exported ${limit}`)
  beforeEach(() => void execute.mockClear())

  const toolNamed = (name: string) =>
    interruptible(
      tools.tool(execute, { name, description: name, schema: z.object({ limit: z.number() }) }),
      interrupt,
    )
  const calls = (...limits: number[]) =>
    limits.map((limit) => ({ id: `call-${limit}`, name: 'export_customers', args: { limit } }))

  /** An agent whose model asks for all calls in one turn, with a store in which its state outlives it. */
  function agentOf(asked: ReturnType<typeof calls>, checkpointer = new MemorySaver()) {
    const model = testing.fakeModel()
    if (asked.length > 0) model.respondWithTools(asked)
    model.respond(new langchain.AIMessage('done'))
    const agent = langchain.createAgent({
      model,
      tools: [toolNamed('export_customers'), toolNamed('lookup_customers'), toolNamed('drop_customers')],
      checkpointer: checkpointer as never,
      name: 'Clerk',
    })
    const config = { configurable: { thread_id: 'thread-1', user_id: 'user-1' } }
    const interruptsIn = (result: object) =>
      ((result as { __interrupt__?: GraphInterrupt[] }).__interrupt__ ?? []) as (GraphInterrupt & {
        id: string
        value: PendingApproval
      })[]
    return {
      checkpointer,
      outputs: () => outputsOf(model),
      go: async () =>
        interruptsIn(await agent.invoke({ messages: [new langchain.HumanMessage('go')] }, config)),
      /** Any caller's word. */
      resume: async (resume: unknown) =>
        interruptsIn(await agent.invoke(new Command({ resume }) as never, config)),
    }
  }

  /** Another process, as far as objects go: what the store has written is read again. */
  function restored({ checkpointer }: { checkpointer: InstanceType<typeof MemorySaver> }) {
    const again = new MemorySaver()
    again.storage = structuredClone(checkpointer.storage)
    again.writes = structuredClone(checkpointer.writes)
    return agentOf([], again)
  }

  async function interrupted(...limits: number[]) {
    const agent = agentOf(calls(...limits))
    const interrupts = await agent.go()
    expect(interrupts).toHaveLength(limits.length)
    return { agent, interrupts: JSON.parse(JSON.stringify(interrupts)) as typeof interrupts }
  }

  return { execute, toolNamed, calls, agentOf, restored, interrupted }
}

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { decidedInterrupts, type GraphInterrupt } from '../../../instrumentation/langchain/index.ts'
import { agentEnvironment, startAgent } from '../../support/agent-process.ts'
import { outputsOf } from '../drivers/langchain.ts'
import { COPIES, consumed, decide, interruptedGraphs, scene, spans, useScene } from './interrupted.ts'

useScene()

describe.each(COPIES)('the %s copy', (_name, sdk) => {
  const { execute, toolNamed, calls, agentOf, restored, interrupted } = interruptedGraphs(sdk)
  const { langchain, testing } = sdk
  const { Command, MemorySaver, StateGraph, MessagesAnnotation } = sdk.langgraph
  const { ToolNode } = sdk.prebuilt

  test('interrupt - a held call is asked, and neither the graph nor a process waits for it', async () => {
    const { interrupts } = await interrupted(1)
    expect(scene.broker.requests).toMatchObject([
      { state: 'pending', attempt: { attempt: 'call-1', conversation: 'thread-1' } },
    ])
    expect(scene.broker.requests[0]?.process).toBeUndefined()
    expect(interrupts[0]?.value.requestId).toBe(scene.broker.requests[0]?.requestId)
    expect(await decidedInterrupts(interrupts)).toEqual({ resume: {}, waiting: [interrupts[0]?.id] })
    expect(execute).not.toHaveBeenCalled()
  })

  test('interrupt - an approved call runs under its approval after a restart, and nobody is asked again', async () => {
    const { agent, interrupts } = await interrupted(1)
    decide(0, 'approved')
    const { resume } = await decidedInterrupts(interrupts)
    const later = restored(agent)
    expect(await later.resume(resume)).toEqual([])
    expect(later.outputs()).toEqual({ 'call-1': { text: 'exported 1', isError: false } })
    expect(scene.broker.requests).toHaveLength(1)
    expect(consumed()).toBe(1)
    expect(spans.named('execute_tool export_customers')[0]?.attributes).toMatchObject({
      'gen_ai.agent.name': 'Clerk',
      'gen_ai.conversation.id': 'thread-1',
      'gen_ai.tool.call.id': 'call-1',
      'user.id': 'user-1',
      'holdpoint.approval.decision': 'approved',
      'holdpoint.outcome': 'executed',
    })
  })

  test('interrupt - of two, each goes on when it is decided, and the other is not asked again', async () => {
    const { agent, interrupts } = await interrupted(1, 2)
    decide(1, 'approved')
    const first = await decidedInterrupts(interrupts)
    expect(first.waiting).toEqual([interrupts[0]?.id])
    const left = await agent.resume(first.resume)
    expect(left.map(({ value }) => value.requestId)).toEqual([scene.broker.requests[0]?.requestId])
    expect(execute.mock.calls.map(([given]) => given)).toEqual([{ limit: 2 }])
    decide(0, 'denied', 'Audit first')
    const later = restored(agent)
    expect(await later.resume((await decidedInterrupts(left)).resume)).toEqual([])
    expect(later.outputs()).toMatchObject({
      'call-1': { isError: true, text: expect.stringMatching(/APPROVAL_DENIED.*Audit first/s) },
      'call-2': { text: 'exported 2' },
    })
    expect(execute).toHaveBeenCalledTimes(1)
    expect(scene.broker.requests).toHaveLength(2)
  })

  test('interrupt - a graph that is resumed too early waits for the same request', async () => {
    const { agent, interrupts } = await interrupted(1)
    const again = await agent.resume(interrupts[0]?.value)
    expect(again).toMatchObject([{ value: { requestId: interrupts[0]?.value.requestId } }])
    expect(execute).not.toHaveBeenCalled()
    decide(0, 'approved')
    expect(await agent.resume((await decidedInterrupts(again)).resume)).toEqual([])
    expect(agent.outputs()['call-1']?.text).toBe('exported 1')
    expect(scene.broker.requests).toHaveLength(1)
  })

  test('interrupt - in a graph within a graph, each call goes on by itself as well, and none is asked twice', async () => {
    const model = testing.fakeModel().respondWithTools(calls(1, 2)).respond(new langchain.AIMessage('done'))
    const inner = langchain.createAgent({ model, tools: [toolNamed('export_customers')], name: 'Clerk' })
    const outer = new StateGraph(MessagesAnnotation)
      .addNode('clerk', inner.graph as never)
      .addEdge('__start__', 'clerk' as never)
      .compile({ checkpointer: new MemorySaver() })
    const config = { configurable: { thread_id: 'thread-3' } }
    const invoke = async (input: unknown) => {
      const result = (await outer.invoke(input as never, config)) as { __interrupt__?: GraphInterrupt[] }
      return result.__interrupt__ ?? []
    }
    const interrupts = await invoke({ messages: [new langchain.HumanMessage('go')] })
    expect(interrupts).toHaveLength(2)
    decide(1, 'approved')
    const left = await invoke(new Command({ resume: (await decidedInterrupts(interrupts)).resume }))
    expect(scene.broker.requests).toHaveLength(2)
    decide(0, 'approved')
    expect(await invoke(new Command({ resume: (await decidedInterrupts(left)).resume }))).toEqual([])
    expect(outputsOf(model)).toMatchObject({
      'call-1': { text: 'exported 1' },
      'call-2': { text: 'exported 2' },
    })
    expect(execute).toHaveBeenCalledTimes(2)
    expect(scene.broker.requests).toHaveLength(2)
  })

  test('interrupt - what policy allows or denies interrupts nothing', async () => {
    const agent = agentOf(
      ['lookup_customers', 'drop_customers'].map((name) => ({ id: name, name, args: { limit: 1 } })),
    )
    expect(await agent.go()).toEqual([])
    expect(agent.outputs()).toMatchObject({
      lookup_customers: { text: 'exported 1' },
      drop_customers: { isError: true, text: expect.stringMatching(/POLICY_DENIED/) },
    })
    expect(scene.broker.requests).toEqual([])
  })

  test('interrupt - outside of a graph, and in one that keeps no state, the call waits', async () => {
    scene.broker.onRequest = () => 'approved'
    const tool = toolNamed('export_customers')
    expect(await tool.invoke({ limit: 1 })).toBe('exported 1')
    const model = testing.fakeModel().respondWithTools(calls(2)).respond(new langchain.AIMessage('done'))
    await langchain
      .createAgent({ model, tools: [tool] })
      .invoke({ messages: [new langchain.HumanMessage('go')] })
    expect(outputsOf(model)['call-2']?.text).toBe('exported 2')
    expect(scene.broker.requests.every(({ process }) => process !== undefined)).toBe(true)
  })

  test('interrupt - where one task makes several calls, one can wait, and the others are refused with the reason', async () => {
    const node = new ToolNode([toolNamed('export_customers'), toolNamed('lookup_customers')])
    const graph = new StateGraph(MessagesAnnotation)
      .addNode('tools', node as never)
      .addEdge('__start__', 'tools' as never)
      .compile({ checkpointer: new MemorySaver() })
    const config = { configurable: { thread_id: 'thread-2' } }
    const lookup = { id: 'call-3', name: 'lookup_customers', args: { limit: 3 } }
    const asked = new langchain.AIMessage({
      content: '',
      tool_calls: [...calls(1, 2), lookup].map((call) => ({ ...call, type: 'tool_call' as const })),
    })
    const first = (await graph.invoke({ messages: [asked] } as never, config)) as {
      __interrupt__?: GraphInterrupt[]
    }
    expect(first.__interrupt__).toMatchObject([{ value: { attempt: 'call-1' } }])
    decide(0, 'approved')
    const { resume } = await decidedInterrupts(first.__interrupt__ ?? [])
    const { messages } = (await graph.invoke(new Command({ resume }) as never, config)) as unknown as {
      messages: { content: unknown }[]
    }
    expect(messages.slice(1).map(({ content }) => content)).toEqual([
      'exported 1',
      expect.stringMatching(/APPROVAL_IMPOSSIBLE.*one call at a time/s),
      'exported 3',
    ])
    expect(scene.broker.requests).toHaveLength(1)
  })
})

test('interrupt - interrupts that are others’ are left to others', async () => {
  expect(await decidedInterrupts([{ id: 'a', value: 'go on?' }, { id: 'b' }, { value: {} }])).toEqual({
    resume: {},
    waiting: [],
  })
})

test('interrupt - a graph outlives its process, and each of its calls is as people decided', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'holdpoint-graph-'))
  const file = join(dir, 'graph.json')
  const { env, remove } = agentEnvironment(scene.broker, scene.nats.url)
  const app = async (mode: string) => {
    const program = 'test/instrumentation/apps/langgraph-interrupted.mjs'
    const { code, stdout, stderr } = await startAgent(program, env, { args: [mode, file] }).ended
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' })
    return JSON.parse(stdout)
  }
  try {
    expect(await app('ask')).toEqual({ interrupted: 2, called: [] })
    scene.broker.decide(scene.broker.requests[0] as never, 'denied', 'Audit first')
    scene.broker.decide(scene.broker.requests[1] as never, 'approved')
    const approved = scene.broker.requests[1]?.attempt.action.arguments
    expect(await app('resume')).toEqual({
      waiting: [],
      called: [approved],
      outputs: expect.arrayContaining(['exported', expect.stringMatching(/APPROVAL_DENIED.*Audit first/s)]),
    })
    expect(scene.broker.requests).toHaveLength(2)
  } finally {
    remove()
    rmSync(dir, { recursive: true, force: true })
  }
})

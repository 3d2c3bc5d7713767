import type { FunctionTool } from '@openai/agents-core'
import { expect, test, vi } from 'vitest'
import {
  callOf,
  EXPORTED,
  PARAMETERS,
  type ToolCall,
  testInstrumentation,
} from '../../support/instrumentation.ts'
import { driver, outputsOf } from '../drivers/openai-agents.ts'

testInstrumentation(driver, {}, (stage) => {
  const exporting = () => vi.fn(async (_given: unknown) => EXPORTED)

  function toolOf(execute: (given: never) => unknown, more: object = {}) {
    const { tool } = stage().sdk.agents
    const name = 'export_customers'
    return tool({ name, description: name, parameters: PARAMETERS, execute: execute as never, ...more })
  }

  const functionCall = ({ id, name, arguments: given }: ToolCall) =>
    stage().sdk.testing.functionCall(name, given, { callId: id })

  /** Each list is one answer of the model; then it is done. */
  const scripted = (...turns: object[][]) => {
    const { ScriptedModel, assistantMessage } = stage().sdk.testing
    return new ScriptedModel([...(turns as never[][]), [assistantMessage('done')]])
  }

  async function run(model: ReturnType<typeof scripted>, tools: unknown[], options: object = {}) {
    const { agents } = stage().sdk
    await agents.run(new agents.Agent({ name: 'Clerk', model, tools: tools as never }), 'go', options)
    return outputsOf(model)
  }

  const asked = () => stage().scene.broker.requests.map(({ attempt }) => attempt.attempt)
  const denyAll = () => {
    stage().scene.broker.onRequest = () => 'denied'
  }
  const denied = { text: expect.stringMatching(/APPROVAL_DENIED/) }

  test('openai-agents - a tool without an error function ends the run with its own error', async () => {
    stage().scene.broker.onRequest = () => 'approved'
    const tool = toolOf(() => Promise.reject(new RangeError('disk full')), { errorFunction: null })
    await expect(run(scripted([functionCall(callOf(1))]), [tool])).rejects.toThrow(/disk full/)
    expect(stage().spans.named('execute_tool export_customers')[0]?.attributes).toMatchObject({
      'holdpoint.outcome': 'failed',
      'error.type': 'RangeError',
    })
  })

  test('openai-agents - what a guardrail of the program rejects is not put before a person', async () => {
    stage().scene.broker.onRequest = () => 'approved'
    const luck = vi.fn(async ({ toolCall }: { toolCall: { callId: string } }) =>
      toolCall.callId === 'call-13'
        ? { behavior: { type: 'rejectContent' as const, message: 'unlucky' } }
        : { behavior: { type: 'allow' as const } },
    )
    const execute = exporting()
    const tool = toolOf(execute, { inputGuardrails: [{ name: 'luck', run: luck }] })
    const model = scripted([functionCall(callOf(13))], [functionCall(callOf(14))])
    expect(await run(model, [tool])).toEqual({
      'call-13': { text: 'unlucky' },
      'call-14': { text: EXPORTED },
    })
    expect(luck).toHaveBeenCalledTimes(2)
    expect(asked()).toEqual(['call-14'])
    expect(execute).toHaveBeenCalledTimes(1)
  })

  test('openai-agents - arguments that two parsers could read differently are refused', async () => {
    const execute = exporting()
    const { functionCall: rawCall } = stage().sdk.testing
    const twice = '{"limit":1,"limit":1000000,"region":"eu","filter":{"tags":[]}}'
    const model = scripted([
      rawCall('export_customers', twice, { callId: 'twice' }),
      rawCall('export_customers', '{"limit":', { callId: 'half' }),
    ])
    expect(await run(model, [toolOf(execute)])).toEqual({
      twice: { text: expect.stringMatching(/INVALID_INPUT.*"limit" twice/) },
      // The SDK's own words: what it cannot parse, it does not offer to anybody.
      half: { text: expect.stringMatching(/parsing tool arguments/) },
    })
    expect(execute).not.toHaveBeenCalled()
  })

  test.each([
    ['a session', { session: { getSessionId: async () => 'conv-8' } }, 'conv-8'],
    [
      'a session whose store fails',
      { session: { getSessionId: () => Promise.reject(new Error('gone')) } },
      undefined,
    ],
    ['a group of runs', { groupId: 'conv-9' }, 'conv-9'],
  ])('openai-agents - the conversation is known by %s', async (_by, by, conversation) => {
    stage().scene.broker.onRequest = () => 'approved'
    const { agents } = stage().sdk
    const session = 'session' in by && {
      getItems: async () => [],
      addItems: async () => {},
      popItem: async () => undefined,
      clearSession: async () => {},
      getSessionId: by.session.getSessionId,
    }
    const model = scripted([functionCall(callOf(1))])
    const agent = new agents.Agent({ name: 'Clerk', model, tools: [toolOf(exporting())] })
    const runner = new agents.Runner('groupId' in by ? { groupId: by.groupId } : {})
    await runner.run(agent, 'go', session === false ? {} : { session })
    expect(stage().scene.broker.requests.map(({ attempt }) => attempt.conversation)).toEqual([conversation])
  })

  test('openai-agents - the user is known by the runner as well, and by the field’s former name', async () => {
    stage().scene.broker.onRequest = () => 'approved'
    const { agents } = stage().sdk
    const model = scripted([functionCall(callOf(1))])
    const agent = new agents.Agent({ name: 'Clerk', model, tools: [toolOf(exporting())] })
    await new agents.Runner({ modelSettings: { providerData: { user: 'user-8' } } }).run(agent, 'go')
    expect(stage().spans.named('execute_tool export_customers')[0]?.attributes['user.id']).toBe('user-8')
  })

  /** A tool of the model's provider that lets the program look for more tools. */
  const searchTool = (found: () => unknown) =>
    stage().sdk.agents.attachClientToolSearchExecutor(
      {
        type: 'hosted_tool',
        name: 'tool_search',
        providerData: { type: 'tool_search', execution: 'client' },
      } as never,
      found as never,
    )
  const searchCall = {
    type: 'tool_search_call',
    id: 'search-1',
    status: 'completed',
    execution: 'client',
    call_id: 'search-1',
    arguments: { paths: ['export_customers'] },
  }

  test.each([
    ['in a list', (tool: unknown) => [tool]],
    ['alone', (tool: unknown) => tool],
    ['later', async (tool: unknown) => [tool]],
  ])('openai-agents - a tool that a search finds while the agent runs, %s, is held', async (_how, give) => {
    denyAll()
    const execute = exporting()
    // In the same turn as it is found, and in a later one.
    const model = scripted([searchCall, functionCall(callOf(1))], [functionCall(callOf(2))])
    expect(await run(model, [searchTool(() => give(toolOf(execute)))])).toMatchObject({
      'call-1': denied,
      'call-2': denied,
    })
    expect(execute).not.toHaveBeenCalled()
    expect(asked()).toEqual(['call-1', 'call-2'])
  })

  test('openai-agents - the tools of a handoff, and of an agent that is a tool, are held', async () => {
    denyAll()
    const { agents, testing } = stage().sdk
    const execute = exporting()
    const inner = (name: string) =>
      new agents.Agent({
        name,
        model: scripted([functionCall(callOf(1, 'export_customers', name))]),
        tools: [toolOf(execute)],
      })
    const model = new testing.ScriptedModel([
      [testing.functionCall('lookup_inner', { input: 'go' }, { callId: 'as-tool' })],
      [testing.functionCall('transfer_to_second', {}, { callId: 'handoff' })],
    ])
    const outer = new agents.Agent({
      name: 'Outer',
      model,
      tools: [inner('first').asTool({ toolName: 'lookup_inner', toolDescription: 'asks' })],
      handoffs: [inner('second')],
    })
    expect((await agents.run(outer, 'go')).finalOutput).toBe('done')
    expect(asked()).toEqual(['first', 'second'])
    expect(execute).not.toHaveBeenCalled()
  })

  test('openai-agents - a tool that is invoked past its guardrails is held', async () => {
    const { agents } = stage().sdk
    const execute = exporting()
    const agent = new agents.Agent({ name: 'Clerk', tools: [toolOf(execute)] })
    const context = new agents.RunContext()
    const [tool] = (await agent.getAllTools(context)) as FunctionTool[]
    const invoke = () => tool?.invoke(context, JSON.stringify(callOf(1).arguments))
    denyAll()
    expect(await invoke()).toMatch(/APPROVAL_DENIED/)
    expect(execute).not.toHaveBeenCalled()
    stage().scene.broker.onRequest = () => 'approved'
    expect(await invoke()).toBe(EXPORTED)
  })

  test('openai-agents - asking for the tools again returns the same guarded tools', async () => {
    const { agents } = stage().sdk
    const context = new agents.RunContext()
    const agent = new agents.Agent({ name: 'Clerk', tools: [toolOf(exporting())] })
    const [first] = (await agent.getAllTools(context)) as FunctionTool[]
    const [second] = await agent.getAllTools(context)
    expect(second).toBe(first)
    const other = new agents.Agent({ name: 'Other', tools: [first as FunctionTool] })
    expect(await other.getAllTools(context)).toEqual([first])
    expect(first?.inputGuardrails).toHaveLength(1)
  })
})

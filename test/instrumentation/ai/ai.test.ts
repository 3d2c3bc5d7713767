import { trace } from '@opentelemetry/api'
import type { Tool } from 'ai'
import { expect, test, vi } from 'vitest'
import { createOtherInstrumentation } from '../../support/instrumentation/other.ts'
import { callOf, EXPORTED, PARAMETERS, testInstrumentation } from '../../support/instrumentation.ts'
import { pause } from '../../support/pause.ts'
import { collect, driver, modelOf, outputsOf } from '../drivers/ai.ts'

testInstrumentation(driver, {}, (stage) => {
  const exporting = () => vi.fn(async (_given: unknown) => EXPORTED)
  const denied = { isError: true, text: expect.stringMatching(/APPROVAL_DENIED/) }
  const decide = (how: 'approved' | 'denied') => {
    stage().scene.broker.onRequest = () => how
  }
  const asked = () => stage().scene.broker.requests.map(({ attempt }) => attempt)

  function toolOf(execute: unknown, more: object = {}) {
    return stage().sdk.ai.tool({ inputSchema: PARAMETERS, execute: execute as never, ...more })
  }

  /** One turn of the function itself, without an agent around it. */
  async function generate(tools: object, more: object = {}, calls = [callOf(1)]) {
    const { ai, testing } = stage().sdk
    const model = modelOf(testing, { calls })
    const options = { model, tools: tools as never, stopWhen: ai.isStepCount(2), prompt: 'go', ...more }
    const result = await ai.generateText(options as never)
    return { result, outputs: outputsOf(model) }
  }

  test.each(['generateText', 'streamText', 'experimental_streamTextLowMemory'] as const)(
    'ai - %s itself is held, and says who calls',
    async (name) => {
      decide('denied')
      const { ai, testing } = stage().sdk
      const model = modelOf(testing, { calls: [callOf(1)] })
      const execute = exporting()
      const result = await ai[name]({
        model,
        tools: { export_customers: toolOf(execute) as Tool },
        stopWhen: ai.isStepCount(2),
        prompt: 'go',
        telemetry: { functionId: 'clerk', isEnabled: false },
        providerOptions: { openai: { conversation: 'conv-9', safetyIdentifier: 'user-9' } },
      })
      if ('fullStream' in result) for await (const _part of result.fullStream);
      expect(outputsOf(model)['call-1']).toMatchObject(denied)
      expect(execute).not.toHaveBeenCalled()
      const [span] = stage().spans.named('execute_tool export_customers')
      expect(span?.attributes).toMatchObject({
        'gen_ai.agent.name': 'clerk',
        'gen_ai.conversation.id': 'conv-9',
        'user.id': 'user-9',
      })
    },
  )

  test('ai - a tool that is executed past generateText is held, and people are told that its name is not known', async () => {
    decide('denied')
    const execute = exporting()
    const call = {
      tool: toolOf(execute),
      input: callOf(1).arguments,
      options: { toolCallId: 'c', messages: [] },
    }
    const { executeTool } = stage().sdk.utils as { executeTool: (given: unknown) => AsyncIterable<unknown> }
    await expect(collect(executeTool(call))).rejects.toThrow(/APPROVAL_DENIED/)
    expect(execute).not.toHaveBeenCalled()
    expect(asked()).toMatchObject([{ attempt: 'c', doubt: expect.stringMatching(/cannot be seen/) }])
    decide('approved')
    expect(await collect(executeTool(call))).toEqual([{ type: 'final', output: EXPORTED }])
  })

  test('ai - a copy of a tool that the SDK makes is called by the same name, and held', async () => {
    decide('denied')
    const { ai } = stage().sdk
    // The search is the SDK's own function, put in place of the tool's when a run begins.
    const search = callOf(1, 'find_tools')
    await generate(
      { find_tools: ai.toolSearch(), export_customers: toolOf(exporting(), { deferLoading: true }) },
      {},
      [{ ...search, arguments: { query: 'export' } as never }],
    )
    expect(asked()).toMatchObject([{ action: { name: 'find_tools', arguments: { query: 'export' } } }])
    expect(asked()[0]?.doubt).toBeUndefined()
  })

  test('ai - a tool that calls others is held by its name, and they by theirs', async () => {
    const { ai } = stage().sdk
    const execute = exporting()
    const code = ai.experimental_toolCaller(
      toolOf(undefined) as never,
      {
        type: 'local',
        bind: (tools: Record<string, { execute?: (input: unknown, options: unknown) => unknown }>) =>
          ai.tool({
            inputSchema: PARAMETERS,
            execute: async (input, options) =>
              String(await tools.export_customers?.execute?.(input, { ...options, toolCallId: 'inner' })),
          }),
      } as never,
    )
    stage().scene.broker.onRequest = ({ attempt }) => (attempt.attempt === 'inner' ? 'denied' : 'approved')
    const tools = { run_code: code, export_customers: toolOf(execute) }
    const callers = { experimental_toolCallers: { export_customers: ['run_code'] } }
    const { outputs } = await generate(tools, callers, [callOf(1, 'run_code')])
    expect(outputs['call-1']).toMatchObject(denied)
    expect(asked()).toMatchObject([
      { attempt: 'call-1', action: { name: 'run_code' } },
      { attempt: 'inner', action: { name: 'export_customers' } },
    ])
    expect(asked().map(({ doubt }) => doubt)).toEqual([undefined, undefined])
    expect(execute).not.toHaveBeenCalled()
  })

  test('ai - a tool that streams is held before it starts, and every value reaches the program', async () => {
    const started = vi.fn()
    async function* execute() {
      started()
      yield 'one'
      trace.getTracer('tool').startSpan('SELECT').end()
      yield EXPORTED
    }
    const { ai, testing } = stage().sdk
    const stream = async () => {
      const model = modelOf(testing, { calls: [callOf(1)] })
      const tools = { export_customers: toolOf(execute) }
      const { fullStream } = ai.streamText({ model, tools, stopWhen: ai.isStepCount(2), prompt: 'go' })
      const results = (await collect(fullStream)).filter(({ type }) => type === 'tool-result')
      return { outputs: outputsOf(model), values: results.map((one) => (one as { output: unknown }).output) }
    }
    decide('denied')
    expect((await stream()).outputs['call-1']).toMatchObject(denied)
    expect(started).not.toHaveBeenCalled()
    decide('approved')
    expect((await stream()).values).toEqual(['one', EXPORTED, EXPORTED])
    const [ran] = stage().spans.named('execute_tool export_customers').slice(-1)
    expect(ran?.attributes['holdpoint.outcome']).toBe('executed')
    const [inside] = stage().spans.named('SELECT')
    expect(inside?.parentSpanContext?.spanId).toBe(ran?.spanContext().spanId)
  })

  test('ai - a tool that streams and fails says so, after what it had said', async () => {
    decide('approved')
    async function* execute() {
      yield 'one'
      throw new RangeError('disk full')
    }
    const { executeTool } = stage().sdk.utils as { executeTool: (given: unknown) => AsyncIterable<unknown> }
    const seen: unknown[] = []
    const run = async () => {
      for await (const part of executeTool({ tool: { execute }, input: {}, options: { toolCallId: 'c' } }))
        seen.push(part)
    }
    await expect(run()).rejects.toThrow(new RangeError('disk full'))
    expect(seen).toEqual([{ type: 'preliminary', output: 'one' }])
    expect(stage().spans.named('execute_tool unknown_tool')[0]?.attributes['error.type']).toBe('RangeError')
  })

  test('ai - whoever stops reading what a tool streams, ends the tool', async () => {
    decide('approved')
    const ended = vi.fn()
    async function* execute() {
      try {
        for (let value = 0; ; value++) yield value
      } finally {
        ended()
      }
    }
    const { executeTool } = stage().sdk.utils as { executeTool: (given: unknown) => AsyncIterable<unknown> }
    for await (const _part of executeTool({ tool: { execute }, input: {}, options: { toolCallId: 'c' } }))
      break
    await vi.waitFor(() => expect(ended).toHaveBeenCalledTimes(1))
  })

  test('ai - a tool has its own copy of what was approved', async () => {
    decide('approved')
    const execute = vi.fn(async (given: { limit: number }) => {
      given.limit += 1
      return String(given.limit)
    })
    const { outputs } = await generate({ export_customers: toolOf(execute) })
    expect(outputs['call-1']).toMatchObject({ text: '2' })
  })

  test('ai - a tool that the client carries out is left to the client', async () => {
    const { result } = await generate({ export_customers: toolOf(undefined) })
    expect(result.toolCalls).toHaveLength(1)
    expect(asked()).toEqual([])
    expect(stage().spans.all()).toEqual([])
  })

  test('ai - the program’s own toolApproval decides first, and releases nothing', async () => {
    decide('denied')
    const execute = exporting()
    const tools = { export_customers: toolOf(execute) }
    const refused = await generate(tools, { toolApproval: () => ({ type: 'denied', reason: 'not today' }) })
    expect(refused.outputs['call-1']).toMatchObject({ isError: true, text: 'not today' })
    expect(asked()).toEqual([])
    const allowed = await generate(tools, { toolApproval: () => 'approved' })
    expect(allowed.outputs['call-1']).toMatchObject(denied)
    expect(execute).not.toHaveBeenCalled()
  })

  test('ai - timeouts of single tools are kept until they run, those of the whole are not', async () => {
    const execute = vi.fn((_given: unknown, { abortSignal }: { abortSignal?: AbortSignal }) => {
      return new Promise((resolve) => abortSignal?.addEventListener('abort', () => resolve('stopped')))
    })
    const tools = { export_customers: toolOf(execute) }
    const running = generate(tools, { timeout: { tools: { export_customersMs: 20 }, totalMs: 10_000 } })
    const [request] = await stage().opened()
    await pause(40)
    stage().scene.broker.decide(request as never, 'approved')
    expect((await running).outputs['call-1']).toMatchObject({ text: 'stopped' })
    expect(execute).toHaveBeenCalledTimes(1)
  })

  test('ai - where the SDK’s telemetry opens a span for the call, that one is annotated, and no other opened', async () => {
    decide('approved')
    const tracer = trace.getTracer('telemetry')
    const integration = {
      executeTool: ({ execute, toolCallId }: { execute: () => Promise<unknown>; toolCallId: string }) =>
        tracer.startActiveSpan('execute_tool export_customers', async (span) => {
          span.setAttribute('gen_ai.tool.call.id', toolCallId)
          try {
            return await execute()
          } finally {
            span.end()
          }
        }),
    }
    await generate({ export_customers: toolOf(exporting()) }, { telemetry: { integrations: integration } })
    const spans = stage().spans.named('execute_tool export_customers')
    expect(spans).toHaveLength(1)
    expect(spans[0]?.attributes).toMatchObject({
      'holdpoint.approval.decision': 'approved',
      'holdpoint.outcome': 'executed',
    })
  })

  test('ai - another instrumentation around the exports does not take the gate away', async () => {
    decide('denied')
    const { ai, utils } = stage().sdk
    const other = createOtherInstrumentation([
      [utils, 'executeTool'],
      [ai, 'generateText'],
    ])
    other.wrap()
    other.wrap()
    const execute = exporting()
    const { outputs } = await generate({ export_customers: toolOf(execute) })
    expect(other.seen()).toBeGreaterThan(0)
    expect(outputs['call-1']).toMatchObject(denied)
    expect(execute).not.toHaveBeenCalled()
  })

  test.each(['constructor', '__proto__', 'toString'])(
    'ai - a tool called %s is a tool like another',
    async (name) => {
      decide('denied')
      const execute = exporting()
      const tools = Object.fromEntries([[name, toolOf(execute)]])
      const { outputs } = await generate(tools, {}, [callOf(1, name)])
      expect(outputs['call-1']).toMatchObject(denied)
      expect(asked()).toMatchObject([{ action: { name } }])
    },
  )
})

test('ai - a version that executes tools by something else stops the start', async () => {
  const { ai } = await import('../../../instrumentation/ai/index.ts')
  expect(() => ai.patch({ generateText() {}, streamText() {} }, {} as never)).toThrow(
    /prepareCall.*not supported/,
  )
  expect(() => ai.patch({ tool() {} }, {} as never)).toThrow(/executeTool.*not supported/)
})

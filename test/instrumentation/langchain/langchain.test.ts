import { expect, test, vi } from 'vitest'
import { z } from 'zod'
import {
  callOf,
  EXPORTED,
  PARAMETERS,
  PARAMETERS_SCHEMA,
  testInstrumentation,
} from '../../support/instrumentation.ts'
import { pause } from '../../support/pause.ts'
import { driver, outputsOf } from '../drivers/langchain.ts'

testInstrumentation(driver, {}, (stage) => {
  const exporting = () => vi.fn(async (_given: unknown) => EXPORTED)
  const decide = (how: 'approved' | 'denied') => {
    stage().scene.broker.onRequest = () => how
  }
  const asked = () => stage().scene.broker.requests.map(({ attempt }) => attempt)
  const named = { name: 'export_customers', description: 'Exports customers' }
  const { id, name, arguments: args } = callOf(1)
  const toolCall = { type: 'tool_call' as const, id, name, args }

  function toolOf(execute: unknown, more: object = {}) {
    return stage().sdk.tools.tool(
      execute as never,
      { ...named, schema: PARAMETERS, ...more } as never,
    ) as unknown as {
      invoke(input: unknown, config?: object): Promise<unknown>
      call(arg: unknown, config?: object): Promise<unknown>
    }
  }

  test('langchain - called with a tool call, a refusal is an error message; with arguments alone it is text', async () => {
    decide('denied')
    const execute = exporting()
    const tool = toolOf(execute)
    const message = await tool.invoke(toolCall)
    expect(message).toMatchObject({
      status: 'error',
      tool_call_id: 'call-1',
      name: 'export_customers',
      content: expect.stringMatching(/APPROVAL_DENIED/),
    })
    expect(message).toBeInstanceOf(stage().sdk.langchain.ToolMessage)
    expect(await tool.invoke(args)).toMatch(/APPROVAL_DENIED/)
    expect(await tool.call(toolCall)).toMatchObject({ status: 'error', tool_call_id: 'call-1' })
    expect(execute).not.toHaveBeenCalled()
    expect(asked()).toMatchObject([{ attempt: 'call-1' }, {}, { attempt: 'call-1' }])
  })

  test('langchain - a tool of text, one with a JSON schema and a class of the program’s own are held', async () => {
    decide('denied')
    const { DynamicTool, StructuredTool, Tool } = stage().sdk.tools
    const func = vi.fn(async () => EXPORTED)
    class Own extends StructuredTool {
      override name = 'own_tool'
      override description = 'd'
      override schema = PARAMETERS
      #secret = EXPORTED
      override async _call() {
        func()
        return this.#secret
      }
    }
    class OwnText extends Tool {
      override name = 'own_text'
      override description = 'd'
      override async _call() {
        return func()
      }
    }
    const own = new Own()
    const tools: [{ invoke(input: never): Promise<unknown> }, unknown, object][] = [
      [new DynamicTool({ ...named, func }), 'all', { input: 'all' }],
      [new OwnText(), 'all', { input: 'all' }],
      [toolOf(func, { schema: PARAMETERS_SCHEMA }) as never, args, args],
      [own, args, args],
    ]
    for (const [tool, input] of tools) expect(await tool.invoke(input as never)).toMatch(/APPROVAL_DENIED/)
    expect(asked().map(({ action }) => action.arguments)).toEqual(tools.map(([, , given]) => given))
    expect(func).not.toHaveBeenCalled()
    expect(await new DynamicTool({ ...named, func }).call(undefined)).toMatch(/APPROVAL_DENIED/)
    expect(func).not.toHaveBeenCalled()
    decide('approved')
    for (const [tool, input] of tools) expect(await tool.invoke(input as never)).toBe(EXPORTED)
    expect(func).toHaveBeenCalledTimes(4)
  })

  test('langchain - a runnable that is used as a tool is held, and an agent’s model reads why it was refused', async () => {
    const { langchain, runnables, testing } = stage().sdk
    const func = vi.fn(async (_given: unknown) => EXPORTED)
    const runnable = runnables.RunnableLambda.from(func).asTool({ ...named, schema: PARAMETERS as never })
    const run = async () => {
      const model = testing.fakeModel().respondWithTools([toolCall]).respond(new langchain.AIMessage('done'))
      const agent = langchain.createAgent({ model, tools: [runnable], name: 'Clerk' })
      await agent.invoke({ messages: [new langchain.HumanMessage('go')] })
      return outputsOf(model)['call-1']?.text
    }
    decide('denied')
    expect(await run()).toMatch(/APPROVAL_DENIED/)
    expect(func).not.toHaveBeenCalled()
    decide('approved')
    expect(await run()).toBe(EXPORTED)
    expect(func.mock.calls.map(([given]) => given)).toEqual([args])
    expect(asked()).toMatchObject([{ attempt: 'call-1', action: { arguments: args } }, {}])
  })

  test('langchain - what a tool’s schema refuses is put before nobody, and fails as it does without a gate', async () => {
    const execute = exporting()
    await expect(toolOf(execute).invoke({ ...args, limit: 'all' })).rejects.toThrow(
      /did not match expected schema/,
    )
    expect(asked()).toEqual([])
    expect(execute).not.toHaveBeenCalled()
  })

  test('langchain - a schema that refuses at first, and takes it then, runs nothing', async () => {
    const taken = vi.fn().mockReturnValueOnce(false).mockReturnValue(true)
    const execute = exporting()
    const tool = toolOf(execute, { schema: z.object({ limit: z.number() }).refine(() => taken() as boolean) })
    await expect(tool.invoke({ limit: 1 })).rejects.toThrow(/was refused by its schema/)
    expect(taken).toHaveBeenCalledTimes(2)
    expect(asked()).toEqual([])
    expect(execute).not.toHaveBeenCalled()
  })

  test('langchain - the schema makes of the approved arguments what it makes of any', async () => {
    decide('approved')
    const execute = vi.fn(async ({ since }: { since: Date }) => since.toISOString())
    const tool = toolOf(execute, {
      schema: z.object({ since: z.coerce.date(), all: z.boolean().default(false) }),
    })
    expect(await tool.invoke({ since: '2026-01-01' })).toBe('2026-01-01T00:00:00.000Z')
    expect(asked()).toMatchObject([{ action: { arguments: { since: '2026-01-01' } } }])
    expect(execute.mock.calls[0]?.[0]).toMatchObject({ all: false })
  })

  test('langchain - content and artifact of a tool are unchanged, and a refusal has no need of an artifact', async () => {
    const tool = toolOf(async () => ['three customers', { rows: 3 }], {
      responseFormat: 'content_and_artifact',
    })
    decide('denied')
    expect(await tool.invoke(toolCall)).toMatchObject({ status: 'error' })
    decide('approved')
    expect(await tool.invoke(toolCall)).toMatchObject({ content: 'three customers', artifact: { rows: 3 } })
  })

  test('langchain - callbacks are told of a tool when it runs, and of a refusal as its output', async () => {
    const started = vi.fn()
    const ended = vi.fn()
    const callbacks = [
      { handleToolStart: started, handleToolEnd: (output: { content: string }) => ended(output.content) },
    ]
    const running = toolOf(exporting()).invoke(toolCall, { callbacks })
    const [request] = await stage().opened()
    expect(started).not.toHaveBeenCalled()
    stage().scene.broker.decide(request as never, 'approved')
    await running
    decide('denied')
    await toolOf(exporting()).invoke(toolCall, { callbacks })
    expect(ended.mock.calls).toEqual([[EXPORTED], [expect.stringMatching(/APPROVAL_DENIED/)]])
  })

  test('langchain - a tool that streams is held before it starts', async () => {
    const events: unknown[] = []
    const callbacks = [{ handleToolEvent: (event: unknown) => void events.push(event) }]
    async function* execute() {
      yield 'one'
      return EXPORTED
    }
    decide('denied')
    expect(await toolOf(execute).invoke(args, { callbacks })).toMatch(/APPROVAL_DENIED/)
    expect(events).toEqual([])
    decide('approved')
    expect(await toolOf(execute).invoke(args, { callbacks })).toBe(EXPORTED)
    expect(events).toEqual(['one'])
  })

  test.each([
    ['of the call', {}, { timeout: 20 }],
    ['of the tool', { defaultConfig: { timeout: 20 } }, {}],
    ['of both, of which the shorter counts', { defaultConfig: { timeout: 20 } }, { timeout: 60_000 }],
  ])('langchain - a timeout %s begins when the tool does', async (_whose, more, config) => {
    const execute = vi.fn((_given: unknown, { signal }: { signal: AbortSignal }) => {
      return new Promise((resolve) => signal.addEventListener('abort', () => resolve('stopped')))
    })
    const tool = toolOf(execute, more)
    const running = tool.invoke(args, config)
    const [request] = await stage().opened()
    await pause(40)
    expect(request?.state).toBe('pending')
    stage().scene.broker.decide(request as never, 'approved')
    await expect(running).rejects.toThrow(/aborted due to timeout/)
    expect(execute).toHaveBeenCalledTimes(1)
    expect((tool as { defaultConfig?: object }).defaultConfig).toEqual(
      (more as { defaultConfig?: object }).defaultConfig,
    )
  })

  test('langchain - a signal that fires while people decide cancels the call', async () => {
    const execute = exporting()
    const caller = new AbortController()
    const running = toolOf(execute).invoke(toolCall, { signal: caller.signal, timeout: 60_000 })
    const [request] = await stage().opened()
    caller.abort()
    expect(await running).toMatchObject({
      status: 'error',
      content: expect.stringMatching(/APPROVAL_CANCELLED/),
    })
    await vi.waitFor(() => expect(request?.state).toBe('cancelled'))
    expect(execute).not.toHaveBeenCalled()
  })
})

import { describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { guard } from '../../../instrumentation/openai/index.ts'
import { outputsTold } from '../../support/providers/openai.ts'
import { COPIES, useResponses } from './responses-scene.ts'

const { broker, provider, client: clientOf, asked, opened } = useResponses()
const NAME = 'export_customers'
const call = (id: string, limit: unknown = 1) => ({ id, name: NAME, arguments: { limit } })
const PARAMS = { model: 'm', input: 'go' }

describe.each(COPIES)('the %s copy', (_copy, sdk) => {
  const client = () => clientOf(sdk)
  const plain = (execute: (given: never) => unknown, more: object = {}) => ({
    tool: {
      type: 'function' as const,
      name: NAME,
      strict: true,
      parameters: { type: 'object', properties: { limit: { type: 'number' } } },
    },
    execute: execute as never,
    ...more,
  })
  const typed = (execute: (given: { limit: number }) => string) =>
    sdk.zodResponsesFunction({
      name: NAME,
      parameters: z.object({ limit: z.number() }) as never,
      function: execute as never,
    })

  test.each([
    ['plain', (execute: () => string) => plain(execute)],
    ['typed', (execute: () => string) => sdk.runnerFunction(typed(execute) as never)],
    ['guarded as well', (execute: () => string) => guard(plain(execute))],
    [
      'typed, and guarded as well',
      (execute: () => string) => sdk.runnerFunction(guard(typed(execute)) as never),
    ],
  ])('openai responses - a function of the runner is held, and asked about once: %s', async (_kind, make) => {
    const execute = vi.fn(() => 'exported')
    provider().script({ calls: [call('call-1'), call('call-2')] }, { text: 'done' })
    const running = new sdk.ResponsesToolRunner({ functions: [make(execute)] }).run(client(), PARAMS)
    const first = await opened()
    expect(execute).not.toHaveBeenCalled()
    broker().decide(first, 'approved')
    broker().decide(await opened(2), 'denied', 'Once is enough')
    await running
    expect(outputsTold(provider())).toEqual({
      'call-1': 'exported',
      'call-2': expect.stringMatching(/APPROVAL_DENIED.*Once is enough/),
    })
    expect(asked()).toMatchObject([
      { attempt: 'call-1', action: { kind: 'tool', name: NAME } },
      { attempt: 'call-2' },
    ])
    expect(execute.mock.calls).toHaveLength(1)
    expect((execute.mock.calls as unknown[][])[0]?.[0]).toEqual({ limit: 1 })
  })

  test('openai responses - a call that starts while the answer is still streamed is held; an abort takes it back', async () => {
    const execute = vi.fn()
    const caller = new AbortController()
    provider().script({ calls: [call('call-1')] })
    const running = new sdk.ResponsesToolRunner({ functions: [plain(execute)] })
      .run(client(), PARAMS, { stream: true, eager: true, signal: caller.signal })
      .catch((error: Error) => error.name)
    const request = await opened()
    caller.abort()
    await vi.waitFor(() => expect(request.state).toBe('cancelled'))
    expect(await running).toBe('ResponsesToolRunnerError')
    expect(execute).not.toHaveBeenCalled()
  })

  test('openai responses - an output that the program supplies itself runs nothing, and asks nobody', async () => {
    const execute = vi.fn()
    provider().script({ calls: [call('call-1')] }, { text: 'done' })
    const runner = new sdk.ResponsesToolRunner({ functions: [plain(execute, { allowOutputOverride: true })] })
    for await (const turn of runner.iterate(client(), PARAMS))
      if (!turn.final)
        turn.supplyOutputs([{ type: 'function_call_output', call_id: 'call-1', output: 'from a cache' }])
    expect(outputsTold(provider())).toEqual({ 'call-1': 'from a cache' })
    expect(asked()).toEqual([])
  })

  test('openai responses - what the program’s own parser refuses is not put before a person', async () => {
    const execute = vi.fn()
    provider().script({ calls: [call('call-1', 'many')] }, { text: 'done' })
    const runner = new sdk.ResponsesToolRunner({ functions: [sdk.runnerFunction(typed(execute) as never)] })
    await expect(runner.run(client(), PARAMS)).rejects.toThrow(/ResponsesToolRunner stopped/)
    expect([asked(), execute.mock.calls]).toEqual([[], []])
  })

  test('openai computer - each call of the model’s is held; a refusal ends the run as the SDK’s own policy does', async () => {
    const click = vi.fn()
    const others = ['double_click', 'drag', 'keypress', 'move', 'scroll', 'type', 'wait'].map((name) => [
      name,
      vi.fn(),
    ])
    const screenshot = () => ({ type: 'computer_screenshot', image_url: 'data:image/png;base64,AA==' })
    const driver = { ...Object.fromEntries(others), click, screenshot }
    const computer = new sdk.ComputerToolset(driver as never)
    const action = { type: 'click', button: 'left', x: 1, y: 2 }
    const use = (call_id: string) =>
      computer.execute({
        type: 'computer_call',
        id: call_id,
        call_id,
        status: 'completed',
        pending_safety_checks: [],
        actions: [action],
      } as never)
    broker().onRequest = ({ attempt }) => (attempt.attempt === 'call-1' ? 'approved' : 'denied')
    expect(await use('call-1')).toMatchObject({ type: 'computer_call_output', call_id: 'call-1' })
    await expect(use('call-2')).rejects.toThrow(/computer was not run \(APPROVAL_DENIED\)/)
    expect(click).toHaveBeenCalledTimes(1)
    expect(asked()[0]?.action).toMatchObject({ name: 'computer', arguments: { actions: [action] } })
  })

  test('openai browser - each call of the model’s is held; a refusal reads as the browser’s own failures do', async () => {
    const get_page_text = vi.fn((_given: unknown) => 'page')
    const state = async () => ({ tabs: [], active_tab_id: null })
    const browser = new sdk.BrowserToolset({ get_page_text, state } as never)
    const use = (call_id: string) =>
      browser.execute({
        type: 'function_call',
        id: call_id,
        call_id,
        status: 'completed',
        name: 'browser_get_page_text',
        arguments: '{"tab_id":"tab-1"}',
      } as never)
    broker().onRequest = () => 'denied'
    const { output } = await use('call-1')
    const [told] = output as unknown as { text: string }[]
    expect(JSON.parse(told?.text ?? '')).toEqual({
      ok: false,
      error: expect.stringMatching(/browser_get_page_text was not run \(APPROVAL_DENIED\)/),
    })
    expect(get_page_text).not.toHaveBeenCalled()
    broker().onRequest = () => 'approved'
    await use('call-2')
    expect(get_page_text.mock.calls[0]?.[0]).toEqual({ tab_id: 'tab-1' })
    expect(asked().map(({ attempt }) => attempt)).toEqual(['call-1', 'call-2'])
  })

  test('openai decisions - an operation that the model has chosen is held', async () => {
    const execute = vi.fn()
    const candidates = () => [
      { id: 'export_all', description: 'Exports all', execute },
      { id: 'done', description: 'Done', done: true as const },
    ]
    const owned = (
      sdk.DecisionsToolRunner as never as {
        ownCandidates(all: object[], stop: () => void): Map<string, { execute(): Promise<void> }>
      }
    ).ownCandidates(candidates(), () => {})
    broker().onRequest = () => 'denied'
    await expect(owned.get('export_all')?.execute()).rejects.toThrow(/export_all was not run/)
    expect(execute).not.toHaveBeenCalled()
    broker().onRequest = () => 'approved'
    await owned.get('export_all')?.execute()
    expect(execute).toHaveBeenCalledTimes(1)
  })
})

import { createRequire } from 'node:module'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { callOf, EXPORTED, testInstrumentation } from '../../support/instrumentation.ts'
import { pause } from '../../support/pause.ts'
import { createAnthropic } from '../../support/providers/anthropic.ts'
import type { ProviderFake } from '../../support/providers/http.ts'
import { driver, outputsOf } from '../drivers/anthropic.ts'

let provider: ProviderFake
beforeEach(async () => {
  provider = createAnthropic()
  await provider.start()
})
afterEach(() => provider.stop())

const require = createRequire(import.meta.url)
const REQUEST_TIMEOUT_MS = 150
const NAME = 'export_customers'
const PARAMS = {
  model: 'claude-test',
  max_tokens: 100,
  messages: [{ role: 'user' as const, content: 'go' }],
}

testInstrumentation(
  driver,
  {
    'timeout-stops': {
      note: 'its tools have no timeout; the client’s is that of one request and does not run while people decide',
      async test({ sdk: { main }, scene, opened }) {
        const timeout = REQUEST_TIMEOUT_MS
        const client = new main.Anthropic({ apiKey: 'test', baseURL: provider.url, timeout })
        provider.script({ calls: [callOf(1)] }, { text: 'done' })
        const run = vi.fn(async () => {
          await pause(REQUEST_TIMEOUT_MS * 2)
          return EXPORTED
        })
        const tool = { name: NAME, input_schema: { type: 'object' }, run, parse: (one: unknown) => one }
        const running = client.beta.messages.toolRunner({ ...PARAMS, tools: [tool as never] }).runUntilDone()
        const [request] = await opened()
        await pause(REQUEST_TIMEOUT_MS * 2)
        scene.broker.decide(request as never, 'approved')
        await running
        expect(outputsOf(provider.calls)).toEqual({ 'call-1': { text: EXPORTED, isError: false } })
        expect(run).toHaveBeenCalledTimes(1)
      },
    },
  },
  (stage) => {
    const client = () =>
      new (stage().sdk.main.Anthropic)({ apiKey: 'test', baseURL: provider.url, maxRetries: 0 })
    const toolOf = (run: (given: never, context?: never) => unknown, more: object = {}) =>
      ({ name: NAME, input_schema: { type: 'object' }, run, parse: (one: unknown) => one, ...more }) as never
    const decideAll = (decision: 'approved' | 'denied') => {
      stage().scene.broker.onRequest = () => decision
    }
    const asked = () => stage().scene.broker.requests.map(({ attempt }) => attempt.action)
    const denied = {
      text: expect.stringMatching(/^export_customers was not run \(APPROVAL_DENIED\)/),
      isError: true,
    }

    test('anthropic - what is refused reads as it is written, without the SDK’s “Error:” before it', async () => {
      decideAll('denied')
      const run = vi.fn()
      provider.script({ calls: [callOf(1)] }, { text: 'done' })
      await client().beta.messages.toolRunner({ ...PARAMS, tools: [toolOf(run)] })
      expect(outputsOf(provider.calls)).toEqual({ 'call-1': denied })
      expect(run).not.toHaveBeenCalled()
    })

    test('anthropic - a tool that reads its call reads the approved one, whatever became of the message', async () => {
      const run = vi.fn((_given: unknown, _context: unknown) => EXPORTED)
      provider.script({ calls: [callOf(1)] }, { text: 'done' })
      const runner = client().beta.messages.toolRunner({ ...PARAMS, tools: [toolOf(run)] })
      const running = (async () => {
        for await (const message of runner) {
          const block = message.content.find(({ type }) => type === 'tool_use') as never as { input: object }
          if (block === undefined) continue
          void stage()
            .opened()
            .then(([request]) => {
              Object.assign(block.input, { limit: 1_000_000 })
              stage().scene.broker.decide(request as never, 'approved')
            })
        }
      })()
      await running
      const [given, context] = run.mock.calls[0] as [unknown, { toolUse: object; toolUseBlock: object }]
      expect(given).toEqual(callOf(1).arguments)
      expect(context.toolUse).toMatchObject({ id: 'call-1', input: callOf(1).arguments })
      expect(context.toolUseBlock).toBe(context.toolUse)
    })

    test('anthropic - tools that come while it runs are held: added ones, and those of new parameters', async () => {
      decideAll('denied')
      const run = vi.fn()
      provider.script({ calls: [callOf(1)] }, { calls: [callOf(2)] })
      const params = { ...PARAMS, tools: [toolOf(run)], thread: false as const }
      const runner = client().beta.messages.toolRunner(params, {
        headers: { 'anthropic-beta': 'inline-tools-2026-09-15' },
      })
      let turn = 0
      for await (const _message of runner) {
        turn += 1
        if (turn === 1) runner.addTools(toolOf(run))
        if (turn === 2) break
      }
      expect(asked()).toHaveLength(1)
      const second = client().beta.messages.toolRunner({ ...PARAMS, tools: [toolOf(run)] })
      provider.script({ calls: [callOf(3)] }, { text: 'done' })
      second.setMessagesParams((given) => ({
        ...given,
        tools: [toolOf(run, { description: 'another' })],
        metadata: { user_id: 'user-8' },
      }))
      await second
      expect(run).not.toHaveBeenCalled()
      const spans = stage().spans.named(`anthropic.custom_tool_use ${NAME}`)
      expect(spans.at(-1)?.attributes['user.id']).toBe('user-8')
    })

    test('anthropic - tools that start while the answer is still streamed are held', async () => {
      decideAll('denied')
      const run = vi.fn()
      provider.script({ calls: [callOf(1)] }, { text: 'done' })
      const runner = client().beta.messages.toolRunner({
        ...PARAMS,
        tools: [toolOf(run)],
        stream: true,
        runToolsEagerly: true,
      })
      await runner.runUntilDone()
      expect(outputsOf(provider.calls)).toEqual({ 'call-1': denied })
      expect(run).not.toHaveBeenCalled()
    })

    test('anthropic - a tool of the MCP helper is one action of the kind mcp', async () => {
      decideAll('approved')
      const isESM = stage().copy === 'ESM'
      const path = '@anthropic-ai/sdk/helpers/beta/mcp'
      const { mcpTools } = isESM
        ? await import('@anthropic-ai/sdk/helpers/beta/mcp')
        : (require(path) as typeof import('@anthropic-ai/sdk/helpers/beta/mcp'))
      const callTool = vi.fn(async () => ({ content: [{ type: 'text', text: EXPORTED }] }))
      const tools = mcpTools([{ name: NAME, inputSchema: { type: 'object' } }], { callTool } as never)
      provider.script({ calls: [callOf(1)] }, { text: 'done' })
      await client().beta.messages.toolRunner({ ...PARAMS, tools })
      expect(asked()).toMatchObject([{ kind: 'mcp', name: NAME }])
      expect(callTool.mock.calls).toEqual([[{ name: NAME, arguments: callOf(1).arguments }]])
    })

    test('anthropic - the memory tool’s commands are held one by one', async () => {
      stage().scene.broker.onRequest = ({ attempt }) =>
        (attempt.action.arguments as { command: string }).command === 'view' ? 'approved' : 'denied'
      const { betaMemoryTool } =
        stage().copy === 'ESM'
          ? await import('@anthropic-ai/sdk/helpers/beta/memory')
          : (require('@anthropic-ai/sdk/helpers/beta/memory') as typeof import('@anthropic-ai/sdk/helpers/beta/memory'))
      const view = vi.fn(async () => 'notes')
      const remove = vi.fn(async () => 'deleted')
      const memory = betaMemoryTool({ view, delete: remove } as never)
      const commands = ['view', 'delete'].map((command, at) => ({
        id: `call-${at}`,
        name: 'memory',
        arguments: { command, path: '/memories/notes' },
      }))
      provider.script({ calls: commands }, { text: 'done' })
      await client().beta.messages.toolRunner({ ...PARAMS, tools: [memory] })
      expect(outputsOf(provider.calls)).toEqual({
        'call-0': { text: 'notes', isError: false },
        'call-1': { text: expect.stringMatching(/APPROVAL_DENIED/), isError: true },
      })
      expect(remove).not.toHaveBeenCalled()
    })

    test('anthropic - a member of a toolset is held under both names', async () => {
      decideAll('denied')
      const run = vi.fn()
      const browser = { type: 'browser_toolset_20260801', run } as never
      const runner = client().beta.messages.toolRunner({ ...PARAMS, tools: [browser] })
      const [guarded] = runner.params.tools as unknown as { run: (...given: unknown[]) => Promise<unknown> }[]
      const toolUse = {
        id: 'call-1',
        name: 'navigate',
        toolset_name: 'browser',
        input: { url: 'https://a.example' },
      }
      await expect(guarded?.run({ toolUse }, toolUse)).rejects.toThrow(/browser.navigate.*APPROVAL_DENIED/)
      expect(run).not.toHaveBeenCalled()
      decideAll('approved')
      await guarded?.run({ toolUse }, toolUse)
      expect(run.mock.calls).toEqual([[expect.objectContaining({ toolUse }), toolUse]])
    })

    test('anthropic - a session’s timeout for a tool does not run while people decide', async () => {
      const run = vi.fn((_given: unknown, context: { signal: AbortSignal }) => context.signal.aborted)
      const runner = client().beta.sessions.events.toolRunner('session-1', { tools: [toolOf(run as never)] })
      const [guarded] = runner.tools as unknown as { run: (...given: unknown[]) => Promise<unknown> }[]
      const tooLate = new AbortController()
      const toolUse = { id: 'call-1', name: NAME, type: 'agent.custom_tool_use', input: {} }
      const running = guarded?.run({}, { toolUse, signal: tooLate.signal })
      const [request] = await stage().opened()
      tooLate.abort()
      await pause(20)
      expect(request?.state).toBe('pending')
      stage().scene.broker.decide(request as never, 'approved')
      expect(await running).toBe(false)
      expect(request?.attempt).toMatchObject({ attempt: 'call-1', conversation: 'session-1' })
      const other = guarded?.run({}, { toolUse: { ...toolUse, id: 'call-2' }, signal: tooLate.signal })
      await stage().opened(2)
      runner.abort()
      await expect(other).rejects.toThrow(/was not run/)
      expect(run).toHaveBeenCalledTimes(1)
    })
  },
)

import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { callOf, EXPORTED, testInstrumentation } from '../../support/instrumentation.ts'
import { pause } from '../../support/pause.ts'
import type { ProviderFake } from '../../support/providers/http.ts'
import { createOpenAI } from '../../support/providers/openai.ts'
import { driver, outputsOf } from '../drivers/openai.ts'

let provider: ProviderFake
beforeEach(async () => {
  provider = createOpenAI()
  await provider.start()
})
afterEach(() => provider.stop())

/** The client's own timeout, which is that of one request. */
const REQUEST_TIMEOUT_MS = 150

testInstrumentation(
  driver,
  {
    'timeout-stops': {
      note: 'its tools have no timeout; the client’s is that of one request and does not run while people decide',
      async test({ sdk: { main }, scene, opened }) {
        const client = new main.OpenAI({ apiKey: 'test', baseURL: `${provider.url}/v1` })
        const run = async (execute: () => Promise<string>) => {
          provider.script({ calls: [callOf(1)] }, { text: 'done' })
          const tool = { name: 'export_customers', description: 'd', parameters: {}, function: execute }
          const runner = client.chat.completions.runTools(
            {
              model: 'm',
              messages: [{ role: 'user', content: 'go' }],
              tools: [{ type: 'function', function: tool }],
            },
            { timeout: REQUEST_TIMEOUT_MS },
          )
          await runner.finalContent()
          return outputsOf(provider.calls)
        }
        const slow = vi.fn(async () => {
          await pause(REQUEST_TIMEOUT_MS * 2)
          return EXPORTED
        })
        const running = run(slow)
        const [request] = await opened()
        await pause(REQUEST_TIMEOUT_MS * 2)
        scene.broker.decide(request as never, 'approved')
        expect(await running).toEqual({ 'call-1': { text: EXPORTED } })
        expect(slow).toHaveBeenCalledTimes(1)
      },
    },
  },
  (stage) => {
    test('openai - a tool without a parser gets the text of what was approved', async () => {
      stage().scene.broker.onRequest = () => 'approved'
      const execute = vi.fn((_text: string) => EXPORTED)
      const text = '{ "limit" : 1.0, "region": "\\u00e9" }'
      await chat([{ type: 'function', function: { ...TOOL, function: execute } }], text)
      expect(JSON.parse(execute.mock.calls[0]?.[0] ?? '')).toEqual({ limit: 1, region: 'é' })
      expect(stage().scene.broker.requests.map(({ attempt }) => attempt.attempt)).toEqual(['call-1'])
    })

    test('openai - what the program’s own parser refuses is not put before a person', async () => {
      const execute = vi.fn()
      const parse = () => {
        throw new RangeError('limit is too large')
      }
      const outputs = await chat([{ type: 'function', function: { ...TOOL, function: execute, parse } }])
      expect(outputs).toEqual({ 'call-1': { text: 'limit is too large' } })
      expect(stage().scene.broker.requests).toEqual([])
      expect(execute).not.toHaveBeenCalled()
    })

    test('openai - a parser that takes its time, and one that makes something else of the arguments', async () => {
      stage().scene.broker.onRequest = () => 'approved'
      const execute = vi.fn((_given: unknown) => EXPORTED)
      const parse = async (text: string) => new Map(Object.entries(JSON.parse(text)))
      await chat([{ type: 'function', function: { ...TOOL, function: execute as never, parse } }])
      expect(execute.mock.calls[0]?.[0]).toEqual(new Map([['limit', 1]]))
      expect(stage().scene.broker.requests[0]?.attempt.action.arguments).toEqual({ limit: 1 })
    })

    test('openai - arguments that two parsers could read differently are refused', async () => {
      const execute = vi.fn()
      const outputs = await chat(
        [{ type: 'function', function: { ...TOOL, function: execute, parse: JSON.parse } }],
        '{"limit":1,"limit":1000000}',
      )
      expect(outputs['call-1']?.text).toMatch(/INVALID_INPUT.*"limit" twice/)
      expect(execute).not.toHaveBeenCalled()
    })

    test('openai - a function without a name of its own is called by that of its function', async () => {
      stage().scene.broker.onRequest = () => 'denied'
      const { name: _none, ...nameless } = TOOL
      const export_customers = vi.fn()
      Object.defineProperty(export_customers, 'name', { value: 'export_customers' })
      const outputs = await chat([
        { type: 'function', function: { ...nameless, function: export_customers } },
      ])
      expect(outputs['call-1']?.text).toMatch(/export_customers.*APPROVAL_DENIED/)
      expect(export_customers).not.toHaveBeenCalled()
    })

    test('openai - runner.abort() takes the question back', async () => {
      const execute = vi.fn()
      const runner = start([{ type: 'function', function: { ...TOOL, function: execute } }])
      const done = runner.finalContent().catch((error: Error) => error.constructor.name)
      const [request] = await stage().opened()
      runner.abort()
      await vi.waitFor(() => expect(request?.state).toBe('cancelled'))
      expect(await done).toBe('APIUserAbortError')
      expect(execute).not.toHaveBeenCalled()
    })

    test('openai - Azure’s client is held as well, and so is a runner made without a client’s method', async () => {
      stage().scene.broker.onRequest = () => 'denied'
      const execute = vi.fn()
      const tools = [{ type: 'function' as const, function: { ...TOOL, function: execute } }]
      const { main, runner } = stage().sdk
      const azure = new main.AzureOpenAI({
        apiKey: 'test',
        endpoint: provider.url,
        apiVersion: '2026-01-01',
      })
      provider.script({ calls: [CALL] }, { text: 'done' })
      await azure.chat.completions.runTools({ ...PARAMS, tools }).finalContent()
      expect(outputsOf(provider.calls)['call-1']?.text).toMatch(/APPROVAL_DENIED/)
      const own = new (class extends runner.AbstractChatCompletionRunner<never, never> {
        run = (...given: unknown[]) => this._runTools(...(given as [never, never, never, never]))
      })()
      provider.script({ calls: [CALL] }, { text: 'done' })
      await own.run(azure, { ...PARAMS, tools }, own)
      expect(outputsOf(provider.calls)['call-1']?.text).toMatch(/APPROVAL_DENIED/)
      expect(execute).not.toHaveBeenCalled()
    })

    test('openai - a request stays what it was: lazy, with its response', async () => {
      provider.script({ text: 'done' }, { text: 'again' })
      const { data, response } = await client().chat.completions.create(PARAMS).withResponse()
      expect(data.choices[0]?.message.content).toBe('done')
      expect(response.headers.get('content-type')).toMatch(/json/)
      const answer = await client().responses.create({ model: 'm', input: 'go' }).asResponse()
      expect(answer.status).toBe(200)
      expect(stage().scene.broker.calls.filter(({ name }) => name === 'request')).toEqual([])
    })

    const client = () =>
      new (stage().sdk.main.OpenAI)({ apiKey: 'test', baseURL: `${provider.url}/v1`, maxRetries: 0 })
    const start = (tools: object[], text: unknown = { limit: 1 }) => {
      provider.script({ calls: [{ ...CALL, arguments: text }] }, { text: 'done' })
      return client().chat.completions.runTools({ ...PARAMS, tools: tools as never[] })
    }
    const chat = async (tools: object[], text?: unknown) => {
      await start(tools, text).finalContent()
      return outputsOf(provider.calls)
    }
  },
)

const PARAMS = { model: 'm', messages: [{ role: 'user' as const, content: 'go' }] }
const TOOL = { name: 'export_customers', description: 'd', parameters: {} }
const CALL = { id: 'call-1', name: 'export_customers', arguments: { limit: 1 } }

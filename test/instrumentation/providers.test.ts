import Anthropic from '@anthropic-ai/sdk'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAnthropic } from '../support/providers/anthropic.ts'
import { createOpenAI } from '../support/providers/openai.ts'

const openai = createOpenAI()
const anthropic = createAnthropic()
let gpt: OpenAI
let claude: Anthropic
beforeAll(async () => {
  await Promise.all([openai.start(), anthropic.start()])
  gpt = new OpenAI({ apiKey: 'sk-test', baseURL: `${openai.url}/v1`, maxRetries: 0 })
  claude = new Anthropic({ apiKey: 'sk-test', baseURL: anthropic.url, maxRetries: 0 })
})
afterAll(() => Promise.all([openai.stop(), anthropic.stop()]))

const given = { limit: 1, region: 'Zürich “A” \u{1f512}' }
const calls = [
  { id: 'call-1', name: 'export_customers', arguments: given },
  { id: 'call-2', name: 'export_customers', arguments: { limit: 2 } },
]
const schema = { type: 'object' as const, properties: { limit: { type: 'number' } } }
const user = { role: 'user' as const, content: 'go' }

describe('chat completions', () => {
  const tools = [
    {
      type: 'function' as const,
      function: { name: 'export_customers', parameters: schema as Record<string, unknown> },
    },
  ]
  const body = (more: object[] = []) => ({ model: 'gpt-test', messages: [user, ...more] as never, tools })

  test.each([false, true])('openai - tool calls come as JSON and as a stream: %s', async (stream) => {
    openai.script({ text: 'Well …', calls })
    const answer = stream
      ? await gpt.chat.completions.stream(body()).finalChatCompletion()
      : await gpt.chat.completions.create(body())
    const [choice] = answer.choices
    expect(choice).toMatchObject({ finish_reason: 'tool_calls', message: { content: 'Well …' } })
    const called = choice?.message.tool_calls?.map((call) => call.type === 'function' && call)
    expect(called).toMatchObject(
      calls.map(({ id, name, arguments: text }) => ({
        id,
        function: { name, arguments: JSON.stringify(text) },
      })),
    )
  })

  const called = {
    role: 'assistant',
    tool_calls: [{ id: 'call-1', type: 'function', function: { name: 'export_customers', arguments: '{}' } }],
  }
  const output = { role: 'tool', tool_call_id: 'call-1', content: 'done' }
  test.each([
    ['a call without an output', [called], /did not have response messages: call-1/],
    ['a call without an output, with words behind it', [called, user], /response messages: call-1/],
    ['an output of no call', [output], /must be a response to a preceeding message/],
    ['an output twice', [called, output, output], /must be a response/],
    ['an output that is an object', [called, { ...output, content: {} }], /messages\[2\]\.content/],
    ['an unknown member', [called, { ...output, is_error: true }], /'messages\[2\]\.is_error'/],
  ])('openai - %s is refused', async (_what, messages, why) => {
    await expect(gpt.chat.completions.create(body(messages))).rejects.toMatchObject({
      status: 400,
      type: 'invalid_request_error',
      message: expect.stringMatching(why),
    })
  })
})

describe('responses', () => {
  const tools = [
    {
      type: 'function' as const,
      name: 'export_customers',
      parameters: schema as Record<string, unknown>,
      strict: false,
    },
  ]

  test.each([false, true])('openai - function calls come as JSON and as a stream: %s', async (stream) => {
    openai.script({ text: 'Well …', calls }, { text: 'done' })
    const body = { model: 'gpt-test', input: 'go', tools }
    const first = stream ? await gpt.responses.stream(body).finalResponse() : await gpt.responses.create(body)
    expect(first.output_text).toBe('Well …')
    expect(first.output.filter(({ type }) => type === 'function_call')).toMatchObject(
      calls.map(({ id, name, arguments: text }) => ({ call_id: id, name, arguments: JSON.stringify(text) })),
    )
    const outputs = calls.map(({ id }) => ({
      type: 'function_call_output' as const,
      call_id: id,
      output: 'x',
    }))
    const second = await gpt.responses.create({ ...body, input: outputs, previous_response_id: first.id })
    expect(second.output_text).toBe('done')
    await expect(
      gpt.responses.create({ ...body, input: outputs.slice(1), previous_response_id: first.id }),
    ).rejects.toThrow(/No tool output found for function call call-1/)
  })

  const call = { type: 'function_call', call_id: 'call-1', name: 'export_customers', arguments: '{}' }
  const output = { type: 'function_call_output', call_id: 'call-1', output: 'done' }
  test.each([
    ['an output of no call', [output], /No tool call found/],
    ['an output that is an object', [call, { ...output, output: {} }], /input\[1\]\.output/],
    ['an unknown member', [call, { ...output, isError: true }], /'input\[1\]\.isError'/],
  ])('openai - %s is refused', async (_what, input, why) => {
    await expect(gpt.responses.create({ model: 'gpt-test', input: input as never })).rejects.toThrow(why)
  })

  test('openai - an unknown earlier response is refused', async () => {
    const body = { model: 'gpt-test', input: 'go', previous_response_id: 'resp_none' }
    await expect(gpt.responses.create(body)).rejects.toMatchObject({ code: 'previous_response_not_found' })
  })
})

describe('messages', () => {
  const tools = [{ name: 'export_customers', input_schema: schema }]
  const body = (more: object[] = []) => ({
    model: 'claude-test',
    max_tokens: 10,
    messages: [user, ...more] as never,
    tools,
  })

  test.each([false, true])('anthropic - tool uses come as JSON and as a stream: %s', async (stream) => {
    anthropic.script({ text: 'Well …', calls })
    const message = stream
      ? await claude.messages.stream(body()).finalMessage()
      : await claude.messages.create(body())
    expect(message.stop_reason).toBe('tool_use')
    expect(message.content).toMatchObject([
      { type: 'text', text: 'Well …' },
      ...calls.map(({ id, name, arguments: input }) => ({ type: 'tool_use', id, name, input })),
    ])
  })

  const used = {
    role: 'assistant',
    content: [{ type: 'tool_use', id: 'toolu_1', name: 'export_customers', input: {} }],
  }
  const result = { type: 'tool_result', tool_use_id: 'toolu_1', content: 'done' }
  const text = { type: 'text', text: 'so' }
  test.each([
    ['a use without a result', [used], /messages\.1: `tool_use` ids were found without/],
    ['a result behind words', [used, { role: 'user', content: [text, result] }], /without `tool_result`/],
    ['a result of no use', [{ role: 'user', content: [result] }], /unexpected `tool_use_id`/],
    [
      'an unknown member',
      [used, { role: 'user', content: [{ ...result, isError: true }] }],
      /messages\.2\.content\.0\.isError: Extra inputs are not permitted/,
    ],
  ])('anthropic - %s is refused', async (_what, messages, why) => {
    await expect(claude.messages.create(body(messages))).rejects.toMatchObject({
      status: 400,
      message: expect.stringMatching(why),
    })
  })
})

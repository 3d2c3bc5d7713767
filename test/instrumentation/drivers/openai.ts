import { createRequire } from 'node:module'
import type * as Main from 'openai'
import type { OpenAI } from 'openai'
import type * as Zod from 'openai/helpers/zod'
import type * as Runner from 'openai/lib/AbstractChatCompletionRunner'
import { type Driver, type Outputs, PARAMETERS, type Turn } from '../../support/instrumentation/driver.ts'
import { createOpenAI } from '../../support/providers/openai.ts'

export interface Sdk {
  main: typeof Main
  zod: typeof Zod
  runner: typeof Runner
}
const require = createRequire(import.meta.url)

/** `runTools` against the provider's wire format: all calls in one turn, and what became of them in the next. */
export const driver: Driver<Sdk> = {
  framework: 'openai',
  package: 'openai',
  kind: 'tool',
  copies: [
    {
      name: 'ESM',
      load: async () => ({
        main: await import('openai'),
        zod: await import('openai/helpers/zod'),
        runner: await import('openai/lib/AbstractChatCompletionRunner'),
      }),
    },
    {
      name: 'CommonJS',
      load: () => ({
        main: require('openai'),
        zod: require('openai/helpers/zod'),
        runner: require('openai/lib/AbstractChatCompletionRunner'),
      }),
    },
  ],
  install({ main, runner }, patch) {
    patch(main)
    patch(runner)
  },
  methods: ({ main, runner }) => [
    [main.OpenAI.Chat.Completions.prototype, 'runTools'],
    [runner.AbstractChatCompletionRunner.prototype, '_runTools'],
  ],
  unknown: {
    agent: 'the SDK knows of no agents',
    conversation: 'chat completions know of no conversation',
  },
  async run({ main, zod }, turn) {
    const provider = createOpenAI()
    await provider.start()
    try {
      provider.script({ calls: turn.calls.map((call) => ({ ...call })) }, { text: 'done' })
      const client = new main.OpenAI({ apiKey: 'test', baseURL: `${provider.url}/v1`, maxRetries: 0 })
      const signal = signalOf(turn)
      await start(client, turn, toolsOf(zod, turn), signal === undefined ? {} : { signal }).finalContent()
      return outputsOf(provider.calls)
    } finally {
      await provider.stop()
    }
  },
}

const start = (client: OpenAI, { stream, user }: Turn, tools: never[], options: object) => {
  const params = {
    model: 'gpt-test',
    messages: [{ role: 'user' as const, content: 'go' }],
    tools,
    ...(user === undefined ? {} : { safety_identifier: user }),
  }
  const { completions } = client.chat
  return stream === true
    ? completions.runTools({ ...params, stream: true }, options)
    : completions.runTools(params, options)
}

const toolsOf = ({ zodFunction }: typeof Zod, { tools }: Turn) =>
  Object.entries(tools).map(([name, execute]) =>
    zodFunction({ name, parameters: PARAMETERS as never, function: execute as never }),
  ) as never[]

/** Callers of this SDK hand it a signal; its own timeout is that of one request. */
const signalOf = ({ signal, clientTimeoutMs }: Turn): AbortSignal | undefined =>
  clientTimeoutMs === undefined ? signal : AbortSignal.timeout(clientTimeoutMs)

/** What the model was given last, by call id. */
export function outputsOf(calls: readonly { body: Record<string, unknown> }[]): Outputs {
  const messages = (calls.at(-1)?.body.messages ?? []) as { tool_call_id?: string; content: string }[]
  return Object.fromEntries(
    messages.flatMap(({ tool_call_id: id, content }) => (id === undefined ? [] : [[id, { text: content }]])),
  )
}

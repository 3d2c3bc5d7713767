import { createRequire } from 'node:module'
import type * as Main from '@anthropic-ai/sdk'
import type * as Zod from '@anthropic-ai/sdk/helpers/beta/zod'
import { type Driver, type Outputs, PARAMETERS, type Turn } from '../../support/instrumentation/driver.ts'
import { createAnthropic } from '../../support/providers/anthropic.ts'

export interface Sdk {
  main: typeof Main
  zod: typeof Zod
}
const require = createRequire(import.meta.url)

/** `toolRunner` against the provider's wire format: all calls in one turn, and what became of them in the next. */
export const driver: Driver<Sdk> = {
  framework: 'anthropic',
  package: '@anthropic-ai/sdk',
  kind: 'tool',
  copies: [
    {
      name: 'ESM',
      load: async () => ({
        main: await import('@anthropic-ai/sdk'),
        zod: await import('@anthropic-ai/sdk/helpers/beta/zod'),
      }),
    },
    {
      name: 'CommonJS',
      load: () => ({
        main: require('@anthropic-ai/sdk'),
        zod: require('@anthropic-ai/sdk/helpers/beta/zod'),
      }),
    },
  ],
  install: ({ main }, patch) => patch(main),
  methods({ main }) {
    const { Messages, Sessions } = main.Anthropic.Beta
    return [
      [Messages.prototype, 'toolRunner'],
      [Messages.BetaToolRunner.prototype, 'setMessagesParams'],
      [Messages.BetaToolRunner.prototype, 'addTools'],
      [Sessions.Events.prototype, 'toolRunner'],
    ]
  },
  spanOf: (tool) => `anthropic.custom_tool_use ${tool}`,
  spanError: 'tool_error',
  unknown: { agent: 'the SDK knows of no agents' },
  async run({ main, zod }, turn) {
    const provider = createAnthropic()
    await provider.start()
    try {
      provider.script({ calls: turn.calls.map((call) => ({ ...call })) }, { text: 'done' })
      const client = new main.Anthropic({ apiKey: 'test', baseURL: provider.url, maxRetries: 0 })
      await start(client, turn, toolsOf(zod, turn)).runUntilDone()
      return outputsOf(provider.calls)
    } finally {
      await provider.stop()
    }
  },
}

function start(client: Main.Anthropic, turn: Turn, tools: ReturnType<typeof toolsOf>) {
  const signal = signalOf(turn)
  const params = {
    model: 'claude-test',
    max_tokens: 100,
    messages: [{ role: 'user' as const, content: 'go' }],
    tools,
    ...(turn.user === undefined ? {} : { metadata: { user_id: turn.user } }),
  }
  const options = {
    ...(signal === undefined ? {} : { signal }),
    ...(turn.conversation === undefined ? {} : { openTelemetry: { conversationId: turn.conversation } }),
  }
  const { messages } = client.beta
  return turn.stream === true
    ? messages.toolRunner({ ...params, stream: true }, options)
    : messages.toolRunner(params, options)
}

const toolsOf = ({ betaZodTool }: typeof Zod, { tools }: Turn) =>
  Object.entries(tools).map(([name, run]) =>
    betaZodTool({ name, description: name, inputSchema: PARAMETERS, run: (given) => run(given) }),
  )

/** Callers of this SDK hand it a signal; its own timeout is that of one request. */
const signalOf = ({ signal, clientTimeoutMs }: Turn): AbortSignal | undefined =>
  clientTimeoutMs === undefined ? signal : AbortSignal.timeout(clientTimeoutMs)

/** What the model was given last, by call id. */
export function outputsOf(calls: readonly { body: Record<string, unknown> }[]): Outputs {
  const messages = (calls.at(-1)?.body.messages ?? []) as { content: string | Block[] }[]
  return Object.fromEntries(
    messages.flatMap(({ content }) =>
      (typeof content === 'string' ? [] : content).flatMap((block) =>
        block.tool_use_id === undefined
          ? []
          : [[block.tool_use_id, { text: textOf(block.content), isError: block.is_error ?? false }]],
      ),
    ),
  )
}

interface Block {
  tool_use_id?: string
  is_error?: boolean
  content?: string | { text: string }[]
}
const textOf = (content: Block['content']): string =>
  typeof content === 'string' ? content : (content ?? []).map(({ text }) => text).join('')

import { createRequire } from 'node:module'
import type * as Runnables from '@langchain/core/runnables'
import type * as Testing from '@langchain/core/testing'
import type * as Tools from '@langchain/core/tools'
import type * as LangChain from 'langchain'
import { type Driver, type Outputs, PARAMETERS, type Turn } from '../../support/instrumentation/driver.ts'

export interface Sdk {
  langchain: typeof LangChain
  tools: typeof Tools
  runnables: typeof Runnables
  testing: typeof Testing
}
const require = createRequire(import.meta.url)

/** LangChain's own fake model asks an agent for all calls in one turn, and is given what became of them in the next. */
export const driver: Driver<Sdk> = {
  framework: 'langchain',
  package: '@langchain/core',
  kind: 'tool',
  copies: [
    {
      name: 'ESM',
      load: async () => ({
        langchain: await import('langchain'),
        tools: await import('@langchain/core/tools'),
        runnables: await import('@langchain/core/runnables'),
        testing: await import('@langchain/core/testing'),
      }),
    },
    {
      name: 'CommonJS',
      load: () => ({
        langchain: require('langchain'),
        tools: require('@langchain/core/tools'),
        runnables: require('@langchain/core/runnables'),
        testing: require('@langchain/core/testing'),
      }),
    },
  ],
  install({ tools, runnables }, patch) {
    patch(tools)
    patch(runnables)
  },
  methods: ({ tools }) => [
    [tools.StructuredTool.prototype, 'call'],
    [tools.StructuredTool.prototype, 'invoke'],
  ],
  async run({ langchain, tools, testing }, turn) {
    const model = testing
      .fakeModel()
      .respondWithTools(turn.calls.map(({ id, name, arguments: args }) => ({ id, name, args })))
      .respond(new langchain.AIMessage('done'))
    const agent = langchain.createAgent({
      model,
      tools: toolsOf(tools, turn),
      ...(turn.agent === undefined ? {} : { name: turn.agent }),
    })
    const config = {
      configurable: { thread_id: turn.conversation, user_id: turn.user },
      ...(turn.signal === undefined ? {} : { signal: turn.signal }),
      ...(turn.clientTimeoutMs === undefined ? {} : { timeout: turn.clientTimeoutMs }),
    }
    const input = { messages: [new langchain.HumanMessage('go')] }
    if (turn.stream === true)
      for await (const _step of await agent.stream(input, { ...config, streamMode: 'updates' }));
    else await agent.invoke(input, config)
    return outputsOf(model)
  },
}

const toolsOf = ({ tool }: typeof Tools, { tools, toolTimeoutMs }: Turn) =>
  Object.entries(tools).map(([name, execute]) =>
    tool(execute, {
      name,
      description: name,
      schema: PARAMETERS,
      ...(toolTimeoutMs === undefined ? {} : { defaultConfig: { timeout: toolTimeoutMs } }),
    }),
  )

/** What the model was given last, by call id. */
export function outputsOf({ calls }: Pick<InstanceType<typeof Testing.FakeBuiltModel>, 'calls'>): Outputs {
  const messages = calls.at(-1)?.messages ?? []
  return Object.fromEntries(
    messages.flatMap((message) => {
      if (message.getType() !== 'tool') return []
      const { tool_call_id: id, content, status } = message as LangChain.ToolMessage
      return [
        [id, { text: String(content), ...(status === undefined ? {} : { isError: status === 'error' }) }],
      ]
    }),
  )
}

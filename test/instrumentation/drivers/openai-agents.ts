import { createRequire } from 'node:module'
import type * as Agents from '@openai/agents-core'
import type * as Testing from '@openai/agents-core/testing'
import { type Driver, type Outputs, PARAMETERS, type Turn } from '../../support/instrumentation/driver.ts'

export interface Sdk {
  agents: typeof Agents
  testing: typeof Testing
}
const require = createRequire(import.meta.url)

/** The SDK's own scripted model asks for all calls in one turn, and is given what became of them in the next. */
export const driver: Driver<Sdk> = {
  framework: 'openai-agents',
  package: '@openai/agents-core',
  kind: 'tool',
  copies: [
    {
      name: 'ESM',
      load: async () => ({
        agents: await import('@openai/agents-core'),
        testing: await import('@openai/agents-core/testing'),
      }),
    },
    {
      name: 'CommonJS',
      load: () => ({
        agents: require('@openai/agents-core'),
        testing: require('@openai/agents-core/testing'),
      }),
    },
  ],
  install: ({ agents }, patch) => patch(agents),
  methods: ({ agents }) => [
    [agents.Agent.prototype, 'getAllTools'],
    [agents.Runner.prototype, 'run'],
  ],
  async run({ agents, testing }, turn) {
    agents.setTracingDisabled(true)
    const { ScriptedModel, assistantMessage, functionCall } = testing
    const model = new ScriptedModel([
      turn.calls.map(({ id, name, arguments: given }) => functionCall(name, { ...given }, { callId: id })),
      [assistantMessage('done')],
    ])
    const agent = new agents.Agent({
      name: turn.agent ?? 'Clerk',
      model,
      tools: toolsOf(agents, turn),
      ...(turn.user === undefined
        ? {}
        : { modelSettings: { providerData: { safety_identifier: turn.user } } }),
    })
    const signal = signalOf(turn)
    const options = {
      ...(signal === undefined ? {} : { signal }),
      ...(turn.conversation === undefined ? {} : { conversationId: turn.conversation }),
    }
    if (turn.stream === true) {
      const result = await agents.run(agent, 'go', { ...options, stream: true })
      for await (const _event of result);
    } else await agents.run(agent, 'go', options)
    return outputsOf(model)
  },
}

const toolsOf = ({ tool }: typeof Agents, { tools, toolTimeoutMs }: Turn) =>
  Object.entries(tools).map(([name, execute]) =>
    tool({
      name,
      description: name,
      parameters: PARAMETERS,
      execute,
      ...(toolTimeoutMs === undefined ? {} : { timeoutMs: toolTimeoutMs }),
    }),
  )

/** The SDK's run has no timeout of its own: callers give it a signal. */
const signalOf = ({ signal, clientTimeoutMs }: Turn): AbortSignal | undefined =>
  clientTimeoutMs === undefined ? signal : AbortSignal.timeout(clientTimeoutMs)

/** What the model was given last, by call id. */
export function outputsOf(model: Testing.ScriptedModel): Outputs {
  const input = model.lastCall?.request.input
  const items = Array.isArray(input) ? input : []
  return Object.fromEntries(
    items.flatMap((item) => {
      if (item.type !== 'function_call_result') return []
      const { output } = item as { output: string | { text?: string } }
      return [[item.callId, { text: typeof output === 'string' ? output : (output.text ?? '') }]]
    }),
  )
}

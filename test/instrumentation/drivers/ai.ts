import type * as Ai from 'ai'
import type * as Testing from 'ai/test'
import { type Driver, type Outputs, PARAMETERS, type Turn } from '../../support/instrumentation/driver.ts'
import { openModules } from '../../support/instrumentation/open-modules.ts'

export interface Sdk {
  ai: typeof Ai
  testing: typeof Testing
  /** What the tools of the SDK are executed by. */
  utils: Record<string, unknown>
}

/** The SDK's own mock model asks for all calls in one step, and is given what became of them in the next. */
export const driver: Driver<Sdk> = {
  framework: 'ai',
  package: 'ai',
  kind: 'tool',
  copies: [
    {
      name: 'ESM',
      load: async () => {
        const { '@ai-sdk/provider-utils': utils = {}, ai } = await openModules('@ai-sdk/provider-utils', 'ai')
        return { ai: ai as unknown as typeof Ai, utils, testing: await import('ai/test') }
      },
    },
  ],
  install({ ai, utils }, patch) {
    patch(utils)
    patch(ai)
  },
  methods: ({ ai }) =>
    ['prepareCall', 'generate', 'stream'].map((name) => [ai.ToolLoopAgent.prototype, name] as const),
  async run({ ai, testing }, turn) {
    const model = modelOf(testing, turn)
    const agent = new ai.ToolLoopAgent({
      model,
      tools: toolsOf(ai, turn),
      ...(turn.agent === undefined ? {} : { id: turn.agent }),
      runtimeContext: { conversationId: turn.conversation, userId: turn.user },
    })
    const options = {
      prompt: 'go',
      ...timeoutOf(turn),
      ...(turn.signal === undefined ? {} : { abortSignal: turn.signal }),
    }
    if (turn.stream === true) {
      const { fullStream } = await agent.stream(options)
      for await (const part of fullStream) if (part.type === 'error') throw part.error
    } else await agent.generate(options)
    return outputsOf(model)
  },
}

/** A tool of this SDK is told of its timeout, and has to stop by itself. */
const toolsOf = ({ tool }: typeof Ai, { tools }: Turn) =>
  Object.fromEntries(
    Object.entries(tools).map(([name, execute]) => [
      name,
      tool({
        description: name,
        inputSchema: PARAMETERS,
        execute: (given, { abortSignal }) => unlessAborted(execute(given), abortSignal),
      }),
    ]),
  )

function unlessAborted<T>(running: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return running
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error('the tool was stopped')))
    running.then(resolve, reject)
  })
}

const timeoutOf = ({ toolTimeoutMs, clientTimeoutMs }: Turn) =>
  toolTimeoutMs === undefined && clientTimeoutMs === undefined
    ? {}
    : {
        timeout: {
          ...(toolTimeoutMs === undefined ? {} : { toolMs: toolTimeoutMs }),
          ...(clientTimeoutMs === undefined ? {} : { totalMs: clientTimeoutMs }),
        },
      }

const USAGE = {
  inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 1, text: 1, reasoning: 0 },
}

type Model = InstanceType<typeof Testing.MockLanguageModelV4>

export function modelOf({ MockLanguageModelV4 }: typeof Testing, { calls }: Pick<Turn, 'calls'>): Model {
  const toolCalls = calls.map(({ id, name, arguments: given }) => ({
    type: 'tool-call' as const,
    toolCallId: id,
    toolName: name,
    input: JSON.stringify(given),
  }))
  const text = { type: 'text' as const, text: 'done' }
  const isFirst = (model: Model): boolean =>
    model.doGenerateCalls.length + model.doStreamCalls.length <= 1 && calls.length > 0
  const finish = (first: boolean) => ({
    finishReason: { unified: first ? ('tool-calls' as const) : ('stop' as const), raw: undefined },
    usage: USAGE,
  })
  const model: Model = new MockLanguageModelV4({
    doGenerate: async ({ abortSignal }) => {
      abortSignal?.throwIfAborted()
      const first = isFirst(model)
      return { content: first ? toolCalls : [text], ...finish(first), warnings: [] }
    },
    doStream: async ({ abortSignal }) => {
      abortSignal?.throwIfAborted()
      const first = isFirst(model)
      const words = [
        { type: 'text-start' as const, id: 't' },
        { type: 'text-delta' as const, id: 't', delta: 'done' },
        { type: 'text-end' as const, id: 't' },
      ]
      return {
        stream: ReadableStream.from([
          { type: 'stream-start' as const, warnings: [] },
          ...(first ? toolCalls : words),
          { type: 'finish' as const, ...finish(first) },
        ]),
      }
    },
  })
  return model
}

/** What the model was given last, by call id. */
export function outputsOf(model: Model): Outputs {
  const prompt = [...model.doGenerateCalls, ...model.doStreamCalls].at(-1)?.prompt ?? []
  return Object.fromEntries(
    prompt.flatMap(({ role, content }) => {
      if (role !== 'tool') return []
      return content.flatMap((part) =>
        part.type === 'tool-result' ? [[part.toolCallId, outputOf(part.output)] as const] : [],
      )
    }),
  )
}

function outputOf(output: { type: string; value?: unknown; reason?: string | undefined }) {
  const { type, value, reason } = output
  const text =
    type === 'execution-denied' ? (reason ?? '') : typeof value === 'string' ? value : JSON.stringify(value)
  return { text, isError: type !== 'text' && type !== 'json' }
}

export async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = []
  for await (const value of values) collected.push(value)
  return collected
}

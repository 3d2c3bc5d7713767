import { AsyncLocalStorage } from 'node:async_hooks'
import type { Answer, Gate, GateAttempt } from '#gate'
import { runCovered } from './covered.ts'
import { type Instrumentation, replaceMethod } from './instrumentation.ts'
import { createPermits } from './permits.ts'

/**
 * Function tools, and tools of local MCP servers, of `@openai/agents`. The SDK runs input guardrails outside of a
 * tool's timeout: there people are asked. The tool itself is then called with the approved arguments and no others.
 */
export const openaiAgents: Instrumentation = {
  name: 'openai-agents',
  packages: { '@openai/agents-core': '>=0.20 <0.21' },
  specifiers: ['@openai/agents-core'],
  patch(exports, gate) {
    replaceMethod(exports.Agent, 'getAllTools', (original) => {
      return async function getAllTools(this: Agent, ...given: never[]) {
        const tools = (await original.apply(this, given)) as Tool[]
        return tools.map((tool) =>
          isFunctionTool(tool)
            ? guard(tool, originOf(tool, this), gate)
            : guardSearch(tool, exports as unknown as Sdk, gate),
        )
      } as never
    })
    replaceMethod(exports.Runner, 'run', (original) => {
      return function run(this: Runner, ...given: never[]) {
        return runs.run(runOf(this, given[2]), () => original.apply(this, given))
      } as never
    })
  },
}

interface Run {
  signal?: AbortSignal | undefined
  conversation?: string | undefined
}
/** What a guardrail is not told: whether the caller still waits, and which conversation this is. */
const runs = new AsyncLocalStorage<Run>()

const runOf = (runner: Runner, options: RunOptions | undefined): Run => ({
  signal: options?.signal ?? runs.getStore()?.signal,
  conversation: options?.conversationId ?? runner.config?.groupId ?? runs.getStore()?.conversation,
})

interface Origin {
  kind: 'tool' | 'mcp'
  target?: string
}

/** What is not among the agent's own tools comes from one of its MCP servers. */
function originOf(tool: FunctionTool, agent: Agent): Origin {
  if (agent.tools.includes(tool)) return { kind: 'tool' }
  const [server, ...others] = agent.mcpServers ?? []
  return server !== undefined && others.length === 0 ? { kind: 'mcp', target: server.name } : { kind: 'mcp' }
}

/** From a tool to its guarded form, and from that to itself: the SDK asks for the tools again and again. */
const guardedTools = new WeakMap<FunctionTool, FunctionTool>()

function guard(tool: FunctionTool, origin: Origin, gate: Gate): FunctionTool {
  const known = guardedTools.get(tool)
  if (known !== undefined) return known
  const permits = createPermits()

  const guardrail: Guardrail = {
    type: 'tool_input',
    name: 'holdpoint',
    async run({ context, agent, toolCall }) {
      if (permits.has(context, toolCall.callId)) return ALLOW
      const answer = await ask(toolCall.arguments, { callId: toolCall.callId, agentName: agent?.name })
      if (!answer.permitted) {
        const { message, code, requestId } = answer.refusal
        return { behavior: { type: 'rejectContent', message }, outputInfo: { code, requestId } }
      }
      permits.put(context, toolCall.callId, answer)
      return ALLOW
    },
  }

  async function invoke(context: object, input: string, details?: InvokeDetails): Promise<unknown> {
    const callId = details?.toolCall?.callId
    // Whoever calls a tool past its guardrails is asked here, within the tool's own timeout.
    const answer = permits.take(context, callId) ?? (await ask(input, { callId, signal: details?.signal }))
    if (!answer.permitted) return answer.refusal.message
    return answer.run((approved) => {
      const call = () => tool.invoke(context, JSON.stringify(approved), details)
      return origin.kind === 'mcp' ? runCovered(tool.name, approved, call) : call()
    })
  }

  function ask(text: string, call: CallFacts): Promise<Answer> {
    return gate.ask(attemptOf(tool.name, origin, text, call))
  }

  const guarded: FunctionTool = Object.create(Object.getPrototypeOf(tool), {
    ...Object.getOwnPropertyDescriptors(tool),
    invoke: { value: invoke, enumerable: true, writable: true, configurable: true },
    // Last: what the program itself rejects is not put before a person. Read anew each time, as the SDK does.
    inputGuardrails: {
      get: () => [...(tool.inputGuardrails ?? []), guardrail],
      enumerable: true,
      configurable: true,
    },
  })
  guardedTools.set(tool, guarded)
  guardedTools.set(guarded, guarded)
  return guarded
}

/** A search that the program carries out itself finds tools that no agent has listed. */
function guardSearch(tool: Tool, sdk: Sdk, gate: Gate): Tool {
  const search = sdk.getClientToolSearchExecutor?.(tool)
  if (search === undefined) return tool
  const found = (one: Tool): Tool => (one && isFunctionTool(one) ? guard(one, { kind: 'tool' }, gate) : one)
  const guarded = Object.create(Object.getPrototypeOf(tool), Object.getOwnPropertyDescriptors(tool)) as Tool
  return sdk.attachClientToolSearchExecutor(guarded, async (question) => {
    const tools = await search(question)
    return Array.isArray(tools) ? tools.map(found) : found(tools)
  })
}

interface CallFacts {
  callId?: string | undefined
  agentName?: string | undefined
  signal?: AbortSignal | undefined
}

function attemptOf(name: string, { kind, target }: Origin, text: string, call: CallFacts): GateAttempt {
  const run = runs.getStore()
  const signal = call.signal ?? run?.signal
  return {
    kind,
    name,
    ...(target === undefined ? {} : { target }),
    argumentsText: text === '' ? '{}' : text,
    ...(call.callId === undefined ? {} : { attempt: call.callId }),
    ...(call.agentName === undefined ? {} : { agentName: call.agentName }),
    ...(run?.conversation === undefined ? {} : { conversation: run.conversation }),
    ...(signal === undefined ? {} : { signal }),
  }
}

const ALLOW: GuardrailOutput = { behavior: { type: 'allow' } }

/** The part of the SDK's shapes that is used here. */
interface Tool {
  type: string
}
/** What a search finds: one tool, several, or none. */
type Search = (question: unknown) => Promise<Tool | Tool[]>
interface Sdk {
  getClientToolSearchExecutor?(tool: Tool): Search | undefined
  attachClientToolSearchExecutor(tool: Tool, search: Search): Tool
}
interface FunctionTool extends Tool {
  name: string
  invoke(context: object, input: string, details?: InvokeDetails): Promise<unknown>
  inputGuardrails?: Guardrail[]
}
interface InvokeDetails {
  toolCall?: { callId?: string }
  signal?: AbortSignal
}
interface Guardrail {
  type: 'tool_input'
  name: string
  run(data: {
    context: object
    agent?: { name: string }
    toolCall: { callId: string; arguments: string }
  }): Promise<GuardrailOutput>
}
interface GuardrailOutput {
  behavior: { type: 'allow' } | { type: 'rejectContent'; message: string }
  outputInfo?: unknown
}
interface Agent {
  tools: Tool[]
  mcpServers?: { name: string }[]
}
interface Runner {
  config?: { groupId?: string }
}
interface RunOptions {
  signal?: AbortSignal
  conversationId?: string
}

const isFunctionTool = (tool: Tool): tool is FunctionTool =>
  tool.type === 'function' && typeof (tool as Partial<FunctionTool>).invoke === 'function'

import { canonicalize, parseJson } from '#contract'
import type { Answer, Gate } from '#gate'
import { runCovered } from '../covered.ts'
import { createPermits } from '../permits.ts'
import { gateOfProcess } from '../process-gate.ts'
import { attemptOf, type CallFacts, type Origin } from './attempt.ts'
import { currentRun, resumedIn } from './runs.ts'
import type { FunctionTool, Guardrail, GuardrailData, GuardrailOutput, Invoke, InvokeDetails } from './sdk.ts'

/**
 * The same tool under the gate of this process, for programs that a bundler has put into one file, where no hook
 * reaches the SDK: `tools: [guard(exportCustomers)]`. A tool that a hook guards as well asks once.
 */
export function guard<T extends FunctionTool>(tool: T): T {
  return guardTool(tool, { kind: 'tool' }, gateOfProcess)
}

/** From a tool to its guarded form, and from that to itself: the SDK asks for the tools again and again. */
const guardedTools = new WeakMap<FunctionTool, FunctionTool>()
const origins = new WeakMap<object, Origin>()
/** Undefined for a tool that is not guarded. */
export const originOfGuarded = (tool: object): Origin | undefined => origins.get(tool)

/**
 * The SDK runs input guardrails outside of a tool's timeout: there people are asked. The tool itself is then called
 * with the approved arguments and no others.
 */
export function guardTool<T extends FunctionTool>(tool: T, origin: Origin, gate: () => Gate): T {
  const known = guardedTools.get(tool)
  if (known !== undefined) return known as T
  const permits = createPermits()
  const run = tool.invoke as unknown as Invoke

  const guardrail: Guardrail = {
    type: 'tool_input',
    name: 'holdpoint',
    async run(data) {
      const { context, agent, toolCall } = data
      if (permits.has(context, toolCall.callId) || (await isAskedLater(tool, data))) return ALLOW
      const permit = resumedIn(context)?.take(RESUMED, keyOf(tool.name, toolCall))
      const answer = permit ?? (await ask(toolCall.arguments, { callId: toolCall.callId, agent }))
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
      const call = () => run.call(tool, context, JSON.stringify(approved), details)
      return origin.kind === 'mcp' ? runCovered(tool.name, approved, call) : call()
    })
  }

  async function ask(text: string, call: CallFacts): Promise<Answer> {
    return gate().ask(await attemptOf(tool.name, origin, text, call))
  }

  const guarded: T = Object.create(Object.getPrototypeOf(tool), {
    ...Object.getOwnPropertyDescriptors(tool),
    invoke: { value: invoke, enumerable: true, writable: true, configurable: true },
    // Last: what the program itself rejects is not put before a person. Read anew each time, as the SDK does.
    inputGuardrails: {
      get: () => [...(tool.inputGuardrails ?? []), guardrail],
      enumerable: true,
      configurable: true,
    },
  })
  origins.set(guarded, origin)
  guardedTools.set(tool, guarded)
  guardedTools.set(guarded, guarded)
  return guarded
}

const ALLOW: GuardrailOutput = { behavior: { type: 'allow' } }

/**
 * Before the SDK asks its own question, a guardrail's word releases nothing: it runs again before the tool does. Should
 * it not, the tool itself asks.
 */
async function isAskedLater(tool: FunctionTool, { context, toolCall }: GuardrailData): Promise<boolean> {
  const { callId, arguments: text } = toolCall
  if (!currentRun().asksBefore || context.isToolApproved?.({ toolName: tool.name, callId }) !== undefined)
    return false
  try {
    return (await tool.needsApproval?.(context as never, JSON.parse(text) as never, callId)) === true
  } catch {
    return false
  }
}

/** All permits of one resumption lie in one place. */
export const RESUMED = {}

/** One call of one tool with exactly these arguments; undefined where they cannot be read. */
export function keyOf(
  name: string,
  { callId, arguments: text }: { callId: string; arguments: string },
): string | undefined {
  try {
    return JSON.stringify([name, callId, canonicalize(parseJson(text === '' ? '{}' : text))])
  } catch {
    return undefined
  }
}

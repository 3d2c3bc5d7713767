import type { JsonValue } from '#contract'
import type { Gate, GateAttempt } from '#gate'
import { runCovered } from '../covered.ts'
import { gateOfProcess } from '../process-gate.ts'
import { spanOpenedFor } from '../same-span.ts'
import {
  isMcpTool,
  isRunnableTool,
  isRunnableToolset,
  type RunContext,
  type RunnableTool,
  type RunnableToolset,
  type ToolUse,
} from './sdk.ts'

/** What a tool is not told of the run that it belongs to. */
export interface Run {
  gate: () => Gate
  user?: string | undefined
  conversation?: string | undefined
  /** Fires when the runner has gone. Without it: the signal that the tool is given. */
  signal?: AbortSignal | undefined
  /** The SDK's own, of this very copy: it reaches the model word for word. */
  ToolError?: (new (message: string) => Error) | undefined
}

/**
 * The same tool under the gate of this process, for programs that a bundler has put into one file, where no hook
 * reaches the SDK, and for loops that call `tool.run` themselves. A tool that a hook guards as well asks once.
 */
export const guard = <T extends RunnableTool | RunnableToolset>(tool: T): T =>
  guardTool(tool, { gate: gateOfProcess })

/** From what holds to what it holds: a copy of a guarded tool is guarded, too. */
const originals = new WeakMap<object, Call>()
export const isGuarded = (tool: object): boolean => originals.has((tool as { run: object }).run)

/** What the program does not carry out by a function of its own is left alone. */
export function guardTool<T extends object>(tool: T, run: Run): T {
  if (!isRunnableTool(tool) && !isRunnableToolset(tool)) return tool
  // A run knows more than whoever has guarded the tool before it.
  const call = originals.get(tool.run) ?? (tool.run as Call)
  const held = isRunnableTool(tool) ? holdTool(tool, call, run) : holdToolset(tool, call, run)
  originals.set(held, call)
  return Object.create(Object.getPrototypeOf(tool), {
    ...Object.getOwnPropertyDescriptors(tool),
    run: { value: held, enumerable: true, writable: true, configurable: true },
  })
}

type Call = (...given: unknown[]) => unknown

function holdTool(tool: RunnableTool, original: Call, run: Run) {
  const kind = isMcpTool(tool) ? 'mcp' : 'tool'
  return (given: unknown, context?: RunContext): Promise<unknown> => {
    const { name } = tool
    // Without a call around it the tool is given what has been parsed already.
    const { toolUse } = context ?? {}
    return hold(
      { kind, name, arguments: toolUse === undefined ? given : toolUse.input },
      context,
      run,
      (approved) => {
        const exactly = toolUse === undefined || tool.parse === undefined ? approved : tool.parse(approved)
        const call = () => original.call(tool, exactly, exactContext(context, approved, run))
        return kind === 'mcp' ? runCovered(name, approved, call) : call()
      },
    )
  }
}

function holdToolset(toolset: RunnableToolset, original: Call, run: Run) {
  return (context: RunContext, toolUse: ToolUse): Promise<unknown> => {
    // Members are not the only tools of their names.
    const name = `${toolUse.toolset_name ?? toolset.type}.${toolUse.name}`
    const around = { ...context, toolUse }
    return hold({ kind: 'tool', name, arguments: toolUse.input }, around, run, (approved) => {
      const exactly = exactContext(around, approved, run)
      return original.call(toolset, exactly, exactly?.toolUse)
    })
  }
}

/** What is refused is thrown: the SDK makes a `tool_result` of it that is marked as an error, and goes on. */
async function hold(
  action: Pick<GateAttempt, 'kind' | 'name' | 'arguments'>,
  context: RunContext | undefined,
  { gate, user, conversation, signal = context?.signal ?? undefined, ToolError = Error }: Run,
  execute: (approved: JsonValue) => unknown,
): Promise<unknown> {
  const id = context?.toolUse.id
  const annotate = id === undefined ? undefined : spanOpenedFor([[['gen_ai.tool.call.id'], id]])
  const known = { attempt: id, user, conversation, signal, annotate }
  const held = await gate().hold(
    { ...action, ...Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined)) },
    execute,
  )
  if (held.ran) return held.value
  throw new ToolError(held.refusal.message)
}

/** The call as it was approved, too: a tool may read its arguments there. */
function exactContext(context: RunContext | undefined, approved: unknown, run: Run): RunContext | undefined {
  if (context === undefined) return undefined
  const toolUse = { ...context.toolUse, input: approved }
  // A session's timeout for one tool has run while people decided: it is not the tool that was too slow.
  const signal = context.signal?.aborted && run.signal !== undefined ? run.signal : context.signal
  return { ...context, toolUse, toolUseBlock: toolUse, ...(signal === undefined ? {} : { signal }) }
}

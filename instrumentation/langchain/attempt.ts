import { canonicalize } from '#contract'
import type { GateAttempt, PendingApproval } from '#gate'
import { configOf, isToolCall, type Tool } from './sdk.ts'

export type LangChainAttempt = GateAttempt & { arguments: unknown }

export const argumentsOf = (arg: unknown): unknown => (isToolCall(arg) ? arg.args : arg)

export function attemptOf(tool: Tool, arg: unknown, given: unknown): LangChainAttempt {
  const { toolCall, signal, metadata = {}, configurable = {} } = configOf(given)
  const callId = (isToolCall(arg) ? arg.id : undefined) ?? toolCall?.id
  const agentName = textIn(metadata.lc_agent_name)
  const conversation = textIn(configurable.thread_id)
  const user = textIn(configurable.user_id, configurable.langgraph_auth_user_id)
  return {
    kind: 'tool',
    name: tool.name,
    arguments: argumentsOf(arg) ?? {},
    ...(callId === undefined ? {} : { attempt: callId }),
    ...(agentName === undefined ? {} : { agentName }),
    ...(conversation === undefined ? {} : { conversation }),
    ...(user === undefined ? {} : { user }),
    ...(signal === undefined ? {} : { signal }),
    failureIn: (result) =>
      (result as { status?: unknown } | null)?.status === 'error' ? 'tool_error' : undefined,
  }
}

const textIn = (...values: unknown[]): string | undefined =>
  values.find((value): value is string => typeof value === 'string' && value !== '')

/** What resumes a graph comes from its caller, who may be anybody: treat as hostile. */
export function isAbout(given: unknown, attempt: LangChainAttempt): given is PendingApproval {
  const { action, attempt: asked } = (given ?? {}) as Partial<PendingApproval>
  if (action?.kind !== 'tool' || action.name !== attempt.name) return false
  if (attempt.attempt === undefined || asked !== attempt.attempt) return false
  try {
    return canonicalize(action.arguments) === canonicalize(attempt.arguments)
  } catch {
    return false
  }
}

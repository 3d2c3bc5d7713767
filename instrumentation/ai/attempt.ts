import { type Span, trace } from '@opentelemetry/api'
import { canonicalize, HoldpointError } from '#contract'
import { type Answer, type Gate, type GateAttempt, type PendingApproval, type Refusal, refuse } from '#gate'
import type { Facts } from './facts.ts'
import { approvalFor } from './resumptions.ts'
import type { ExecuteOptions } from './sdk.ts'

/** May this tool run? Where a run goes on that had been interrupted, under the approval that it was given. */
export async function ask(
  facts: Facts,
  input: unknown,
  options: ExecuteOptions,
  gate: Gate,
): Promise<Answer> {
  const attempt = attemptOf(facts, input, options)
  const approval = approvalFor(options)
  if (approval === undefined) return gate.ask(attempt)
  // The SDK took this call from the messages, which may be the client's.
  const call = { toolCallId: attempt.attempt, toolName: attempt.name, input }
  if (!isAbout(approval, call)) return { permitted: false, refusal: otherCall(attempt.name) }
  const { agentName, conversation, user, signal, annotate } = attempt
  const answer = await gate.resume(approval, {
    ...(agentName === undefined ? {} : { agentName }),
    ...(conversation === undefined ? {} : { conversation }),
    ...(user === undefined ? {} : { user }),
    ...(signal === undefined ? {} : { signal }),
    ...(annotate === undefined ? {} : { annotate }),
  })
  if (!('pending' in answer)) return answer
  return { permitted: false, refusal: refuse({ code: 'BROKER_UNAVAILABLE', name: attempt.name }) }
}

function attemptOf(facts: Facts, input: unknown, options: ExecuteOptions): GateAttempt {
  const { name, agentName, conversation, user } = facts
  const { toolCallId, abortSignal } = options
  const annotate = toolCallId === undefined ? undefined : openSpanOf(toolCallId)
  return {
    kind: 'tool',
    ...(name === undefined
      ? { name: 'unknown_tool', doubt: 'Which tool this is cannot be seen from where it is called.' }
      : { name }),
    arguments: input ?? {},
    ...(toolCallId === undefined ? {} : { attempt: toolCallId }),
    ...(agentName === undefined ? {} : { agentName }),
    ...(conversation === undefined ? {} : { conversation }),
    ...(user === undefined ? {} : { user }),
    ...(abortSignal === undefined ? {} : { signal: abortSignal }),
    ...(annotate === undefined ? {} : { annotate }),
  }
}

/** The SDK's own telemetry opens a span for each tool call, where a program has registered it. */
function openSpanOf(toolCallId: string): Span | undefined {
  const span = trace.getActiveSpan() as (Span & { attributes?: Record<string, unknown> }) | undefined
  const { 'gen_ai.tool.call.id': id, 'ai.toolCall.id': formerly } = span?.attributes ?? {}
  return id === toolCallId || formerly === toolCallId ? span : undefined
}

/** The record has lain in a store, and messages come from the client: treat both as hostile. */
export function isAbout(
  approval: Partial<PendingApproval> | null | undefined,
  call: { toolCallId: string | undefined; toolName: string; input: unknown },
): boolean {
  const { action, attempt } = approval ?? {}
  if (action?.kind !== 'tool' || action.name !== call.toolName || attempt !== call.toolCallId) return false
  try {
    return canonicalize(action.arguments) === canonicalize(call.input ?? {})
  } catch {
    return false
  }
}

export const otherCall = (name: string): Refusal =>
  refuse({
    code: 'WARRANT_MISMATCH',
    name,
    reason: 'What people were asked about is another call than this one.',
  })

/** The SDK makes a tool's error of it, whose message the model reads. */
export const refusedError = ({ code, message }: Refusal): HoldpointError => new HoldpointError(code, message)

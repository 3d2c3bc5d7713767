import type { Agent, CallOptions, Timeout } from './sdk.ts'

/** What a tool is not told of the run that calls it. */
export interface Facts {
  /** Tools do not know their own names: those who call them do. */
  name?: string
  agentName?: string | undefined
  conversation?: string | undefined
  user?: string | undefined
  /** Of the tool itself, milliseconds; the SDK is not told of it, or it would run while people decide. */
  timeoutMs?: number | undefined
}

/** Of one tool of one run. */
export function factsOf(name: string, options: CallOptions, timeout?: Timeout, agent?: Agent): Facts {
  const { runtimeContext = {}, providerOptions = {}, telemetry = options.experimental_telemetry } = options
  const { openai, anthropic } = providerOptions
  return {
    name,
    agentName: textIn(agent?.id, telemetry?.functionId),
    // The SDK has no word for either: the program's own context has, or what it tells its provider.
    conversation: textIn(runtimeContext.conversationId, openai?.conversation),
    user: textIn(
      runtimeContext.userId,
      openai?.safetyIdentifier,
      openai?.user,
      (anthropic?.metadata as { userId?: unknown } | undefined)?.userId,
    ),
    timeoutMs: toolTimeoutMs(timeout, name),
  }
}

const textIn = (...values: unknown[]): string | undefined =>
  values.find((value): value is string => typeof value === 'string' && value !== '')

function toolTimeoutMs(timeout: Timeout | undefined, name: string): number | undefined {
  if (timeout === undefined || timeout === null || typeof timeout === 'number') return undefined
  return timeout.tools?.[`${name}Ms`] ?? timeout.toolMs
}

/** What is left for the SDK: the limits of the whole, of a step and of a chunk are the caller's own. */
export function withoutToolTimeouts(timeout: Timeout | undefined): Timeout | undefined {
  if (timeout === undefined || timeout === null || typeof timeout === 'number') return timeout
  const { toolMs: _all, tools: _each, ...others } = timeout
  return others
}

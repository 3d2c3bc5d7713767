import type { JsonValue } from '#contract'
import type { Gate, GateAttempt } from '#gate'
import { holdByRetries, type InputRequired, isBridged, withoutAnswer } from './elicitation.ts'
import { createInformer, type Informer } from './inform.ts'
import { isElicitationOn } from './page.ts'
import { createProgress } from './progress.ts'
import { type Context, factsOf, infoOf, type LowServer } from './sdk.ts'

export interface ServerCall {
  server: LowServer
  name: string
  arguments: unknown
  context: Context
  doubt?: string | undefined
}

/** A tool result, not a protocol error: the model reads it and can act on it (MCP, tools, error handling). */
export interface RefusedResult {
  isError: true
  content: [{ type: 'text'; text: string }]
}

/** `context` is the tool's: what was said of its approval is not its affair. */
export type Run<T> = (approved: Record<string, unknown>, context: Context) => T | Promise<T>

/** Whoever has waited no longer than its own timeout has told so: then nothing runs, whatever people say. */
export async function holdCall<T>(
  call: ServerCall,
  gate: Gate,
  run: Run<T>,
): Promise<T | RefusedResult | InputRequired> {
  const { context, server } = call
  const progress = createProgress(factsOf(context))
  const bridged = isBridged(context, server) ? context : undefined
  const informer = bridged === undefined && isElicitationOn() ? createInformer(server, context) : undefined
  const execute = (approved: JsonValue) => {
    progress.stop()
    informer?.stop()
    // The tool's own copy, which it may change as it always could.
    const given = structuredClone(approved) as Record<string, unknown>
    return run(given, bridged === undefined ? context : withoutAnswer(bridged))
  }
  try {
    const attempt = { ...attemptOf(call), onHeld: progress.start }
    const held =
      bridged === undefined
        ? await gate.hold(informer === undefined ? attempt : informed(attempt, informer), execute)
        : await holdByRetries(attempt, bridged, gate, execute)
    if ('asked' in held) return held.asked
    if (held.ran) return held.value
    refusals.set(context, held.refusal.message)
    return { isError: true, content: [{ type: 'text', text: held.refusal.message }] }
  } finally {
    progress.stop()
    informer?.stop()
  }
}

const informed = (attempt: GateAttempt, { declined, start }: Informer): GateAttempt => ({
  ...attempt,
  signal: attempt.signal === undefined ? declined : AbortSignal.any([attempt.signal, declined]),
  onHeld(request) {
    attempt.onHeld?.(request)
    start(request)
  },
})

function attemptOf({ server, name, arguments: given, context, doubt }: ServerCall): GateAttempt {
  const info = infoOf(server)
  const { signal, conversation, user } = factsOf(context)
  const agentName = server.getClientVersion()?.name
  return {
    kind: 'mcp',
    name,
    arguments: given,
    signal,
    ...(info === undefined ? {} : { target: `${info.name}/${info.version}` }),
    ...(doubt === undefined ? {} : { doubt }),
    ...(agentName === undefined ? {} : { agentName }),
    ...(conversation === undefined ? {} : { conversation }),
    ...(user === undefined ? {} : { user }),
    failureIn: (result) => ((result as { isError?: unknown })?.isError === true ? 'tool_error' : undefined),
  }
}

const refusals = new WeakMap<object, string>()
/** What was refused in this request: where a result cannot say it. */
export const refusalIn = (context: object): string | undefined => refusals.get(context)

const passing = new WeakMap<object, readonly unknown[]>()

/**
 * A hook and `guard` may both stand before one call: what one has released, `what` by identity, the other lets pass; at
 * once or never.
 */
export function passingOn<T>(context: object, what: readonly unknown[], run: () => T): T {
  passing.set(context, what)
  try {
    return run()
  } finally {
    passing.delete(context)
  }
}

/** True once. A released tool that calls another one with its own context finds nothing here. */
export function takePass(context: object, ...what: readonly unknown[]): boolean {
  const released = passing.get(context)
  if (released === undefined || released.some((one, at) => one !== what[at])) return false
  return passing.delete(context)
}

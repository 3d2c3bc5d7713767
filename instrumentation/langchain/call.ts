import type { Answer, Gate, Refusal } from '#gate'
import { argumentsOf, attemptOf } from './attempt.ts'
import { askOrInterrupt, claimTask, interruptOf } from './interrupt.ts'
import { type Call, type Config, configOf, type Invoke, isToolCall, TOOL_TIMEOUT, type Tool } from './sdk.ts'

/** Holds a tool before anything of it happens: its schema, its callbacks and its run get what was approved. */
export function gatedCall(original: Call, gate: () => Gate): Call {
  return markGated(async function call(this: Tool, arg, config, tags) {
    const { [TOOL_TIMEOUT]: timeoutMs, ...given } = configOf(config)
    const own = timeoutMs === undefined ? config : given
    const attempt = attemptOf(this, arg, own)
    const interrupt = interruptOf(this)
    // Before anything is waited for: of several calls the same one has to be the first each time.
    const isFirst = interrupt === undefined || claimTask(given, attempt, gate())
    if (!(await isValid(this.schema, argumentsOf(arg))))
      return original.call(withoutRun(this), arg, own, tags)
    const answer: Answer =
      interrupt === undefined
        ? await gate().ask(attempt)
        : await askOrInterrupt(attempt, { interrupt, isFirst, config: given }, gate())
    if (!answer.permitted) return tell(this, answer.refusal, { original, arg, config: own, tags })
    return answer.run((approved) =>
      original.call(this, withArguments(arg, approved), withTimeout(own, timeoutMs), tags),
    )
  })
}

const GATED = Symbol.for('holdpoint.langchain.gated.1')
/** Another copy of this module, in a bundle, has to know it too. */
export const markGated = (call: Call): Call => Object.defineProperty(call, GATED, { value: true })
/** Whether a tool, or one of the classes that it is of, has been put under the gate. */
export function isGated(tool: object): boolean {
  for (let one: object | null = tool; one !== null; one = Object.getPrototypeOf(one))
    if (Object.hasOwn(one, 'call') && GATED in (one as Tool).call) return true
  return false
}

/**
 * The SDK starts a tool's timeout when the tool is invoked, so it is kept from it until the tool runs. The caller's, of
 * a whole graph, has become a signal by then, and stays.
 */
export function untimedInvoke(original: Invoke): Invoke {
  return function invoke(this: Tool, input, config) {
    const { defaultConfig } = this
    const limits = [defaultConfig?.timeout, config?.timeout].filter((one) => one !== undefined && one > 0)
    if (limits.length === 0) return original.call(this, input, config)
    const timeoutMs = Math.min(...(limits as number[]))
    const metadata = { timeoutMs, ...config?.metadata }
    const own = { ...config, timeout: undefined, metadata, [TOOL_TIMEOUT]: timeoutMs } as unknown as Config
    if (defaultConfig?.timeout === undefined) return original.call(this, input, own)
    const { timeout: _kept, ...others } = defaultConfig
    // The SDK reads it before it waits for anything.
    this.defaultConfig = others
    try {
      return original.call(this, input, own)
    } finally {
      this.defaultConfig = defaultConfig
    }
  }
}

/** The tool's own limit begins when the tool does. */
function withTimeout(config: unknown, timeoutMs: number | undefined): unknown {
  if (timeoutMs === undefined) return config
  const limit = AbortSignal.timeout(timeoutMs)
  const { signal } = configOf(config)
  return { ...configOf(config), signal: signal === undefined ? limit : AbortSignal.any([signal, limit]) }
}

/** A copy of the tool's own. */
function withArguments(arg: unknown, approved: unknown): unknown {
  if (arg === undefined || arg === null) return arg
  const args = structuredClone(approved)
  return isToolCall(arg) ? { ...arg, args } : args
}

/** People are not asked about what the tool will not take. */
async function isValid(schema: unknown, args: unknown): Promise<boolean> {
  const { safeParseAsync } = (schema ?? {}) as {
    safeParseAsync?: (given: unknown) => Promise<{ success: boolean }>
  }
  if (typeof safeParseAsync !== 'function') return true
  try {
    return (await safeParseAsync.call(schema, args)).success
  } catch {
    return true
  }
}

/** For input that the tool refuses: should it think better of it, nothing runs all the same. */
const withoutRun = (tool: Tool): Tool =>
  Object.create(tool, {
    _call: {
      value: async () => {
        throw new TypeError(`holdpoint: the input of ${tool.name} was refused by its schema`)
      },
    },
  })

interface Told {
  original: Call
  arg: unknown
  config: unknown
  tags: string[] | undefined
}

/** As a result of the tool: a throw has the SDK invite the model to fix its mistakes and try again. */
async function tell(
  tool: Tool,
  { message }: Refusal,
  { original, arg, config, tags }: Told,
): Promise<unknown> {
  const teller: Tool = Object.create(tool, {
    name: { value: tool.name },
    schema: { value: {} },
    responseFormat: { value: 'content' },
    _call: { value: async () => message },
  })
  const told = await original.call(teller, arg ?? {}, config, tags)
  if (typeof told === 'object' && told !== null) (told as { status?: string }).status = 'error'
  return told
}

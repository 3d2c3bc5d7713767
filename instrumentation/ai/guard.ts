import { types } from 'node:util'
import type { Gate } from '#gate'
import { gateOfProcess } from '../process-gate.ts'
import { ask, refusedError } from './attempt.ts'
import type { Facts } from './facts.ts'
import { relay } from './relay.ts'
import type { Execute, ExecuteOptions, Tool, Tools } from './sdk.ts'

/**
 * The same tools under the gate of this process, for programs that a bundler has put into one file, where no hook
 * reaches the SDK: `generateText({ tools: guard({ exportCustomers }) })`, or one tool and the name by which the model
 * calls it. Tools that a hook guards as well ask once. Without a hook, `timeout.toolMs` runs while people decide, and
 * ends the call.
 */
export function guard<T extends Tool>(tool: T, name: string): T
export function guard<T extends Tools>(tools: T): T
export function guard(given: Tool | Tools, name?: string): Tool | Tools {
  if (name !== undefined) return guardTool(given as Tool, { name }, gateOfProcess)
  return guardTools(given as Tools, (one) => ({ name: one }), gateOfProcess)
}

export const guardTools = <T extends Tools>(
  tools: T,
  factsOf: (name: string) => Facts,
  gate: () => Gate,
): T =>
  Object.fromEntries(
    Object.entries(tools).map(([name, tool]) => [name, guardTool(tool, factsOf(name), gate)]),
  ) as T

/** Symbols survive the copies that the SDK makes of tools, and no JSON can name them. */
const FACTS = Symbol('holdpoint.facts')
/** From what guards a tool to what the program wrote. */
const originals = new WeakMap<object, Execute>()
/** Ours, and handed to nobody but the tool. */
const released = new WeakSet<ExecuteOptions>()

/** Undefined for a tool that nobody has said anything of. */
export const factsOfTool = (tool: Tool): Facts | undefined => (tool as { [FACTS]?: Facts })[FACTS]

/** A tool that is guarded already gets other facts, and no second guard. */
export function guardTool<T extends Tool>(tool: T, facts: Facts, gate: () => Gate): T {
  const caller = callerOf(tool, (bound) => guardTool(bound, facts, gate))
  if (typeof tool?.execute !== 'function') return caller === undefined ? tool : derive(tool, caller)
  const original = originals.get(tool.execute) ?? (tool.execute as unknown as Execute)

  async function* stream(this: unknown, input: unknown, options: ExecuteOptions = {}) {
    const answer = await ask(facts, input, options, gate())
    if (!answer.permitted) throw refusedError(answer.refusal)
    yield* relay(answer, (approved) =>
      original.call(this, approvedInput(input, approved), withTimeout(options, facts)),
    )
  }
  async function once(this: unknown, input: unknown, options: ExecuteOptions = {}) {
    const answer = await ask(facts, input, options, gate())
    if (!answer.permitted) throw refusedError(answer.refusal)
    return answer.run(async (approved) =>
      lastOf(await original.call(this, approvedInput(input, approved), withTimeout(options, facts))),
    )
  }
  const isStream = types.isGeneratorFunction(original) && types.isAsyncFunction(original)
  function execute(this: unknown, input: unknown, options?: ExecuteOptions): unknown {
    if (options !== undefined && released.delete(options)) return original.call(this, input, options)
    return isStream ? stream.call(this, input, options) : once.call(this, input, options)
  }
  originals.set(execute, original)
  return derive(tool, {
    ...caller,
    execute: { value: execute, enumerable: true, writable: true, configurable: true },
    [FACTS]: { value: facts, enumerable: true, configurable: true },
  })
}

const derive = <T extends Tool>(tool: T, own: PropertyDescriptorMap): T =>
  Object.create(Object.getPrototypeOf(tool), { ...Object.getOwnPropertyDescriptors(tool), ...own })

/** A tool that itself calls others, as code mode does, is made anew for each run: that is held, and so are they. */
function callerOf(tool: Tool, guarded: (bound: Tool) => Tool): PropertyDescriptorMap | undefined {
  const caller = tool?.experimental_toolCaller
  if (caller?.bind === undefined) return undefined
  const { bind } = caller
  const value = { ...caller, bind: (tools: Tools) => guarded(bind.call(caller, tools)) }
  return { experimental_toolCaller: { value, configurable: true } }
}

/** For a tool that has been released already: it asks nobody again. */
export function release(options: ExecuteOptions, facts: Facts): ExecuteOptions {
  const own = withTimeout(options, facts)
  released.add(own)
  return own
}

/** What turns out to be a stream only once it has begun can be waited for, and no more. */
async function lastOf(result: unknown): Promise<unknown> {
  if (typeof (result as AsyncIterable<unknown> | undefined)?.[Symbol.asyncIterator] !== 'function')
    return result
  let last: unknown
  for await (const value of result as AsyncIterable<unknown>) last = value
  return last
}

/** A copy of the tool's own. One without parameters may be called with nothing at all. */
export const approvedInput = (input: unknown, approved: unknown): unknown =>
  input === undefined ? undefined : structuredClone(approved)

/** The tool's own limit begins when the tool does. A copy in any case. */
function withTimeout(options: ExecuteOptions, { timeoutMs }: Facts): ExecuteOptions {
  if (timeoutMs === undefined) return { ...options }
  const limit = AbortSignal.timeout(timeoutMs)
  const { abortSignal } = options
  return {
    ...options,
    abortSignal: abortSignal === undefined ? limit : AbortSignal.any([abortSignal, limit]),
  }
}

import type { Gate } from '#gate'
import { gateOfProcess } from '../process-gate.ts'
import { attemptOf } from './attempt.ts'
import { takeCall, takeReleased } from './runs.ts'
import {
  type Callback,
  isParseableTool,
  isRunnableTool,
  isRunnerFunction,
  type Parse,
  type ParseableTool,
  type RunnableTool,
  type RunnerFunction,
} from './sdk.ts'

/**
 * The same tool under the gate of this process, for programs that a bundler has put into one file, where no hook
 * reaches the SDK, and for loops that call their tools themselves: a tool of `runTools`, what `zodFunction` and
 * `zodResponsesFunction` make of a function, or a function of the `ResponsesToolRunner`. A tool that a hook guards as
 * well asks once. Throws TypeError for a tool without a function: there is nothing here that could be held.
 */
export function guard<T extends RunnableTool | RunnerFunction | ParseableTool>(tool: T): T {
  const guarded = guardTool(tool, gateOfProcess)
  if (guarded === undefined)
    throw new TypeError(
      'guard: this tool has no function; whoever runs what the model calls has to be guarded',
    )
  return guarded
}

/** From a tool to its guarded form, and from that to itself. */
const guardedTools = new WeakMap<object, object>()

/** Undefined for what the program does not carry out by a function of its own. */
export function guardTool<T extends object>(tool: T, gate: () => Gate): T | undefined {
  const guarded = guardedTools.get(tool) ?? make(tool, gate)
  if (guarded === undefined) return undefined
  guardedTools.set(tool, guarded)
  guardedTools.set(guarded, guarded)
  return guarded as T
}

/** What holds: a copy of a guarded tool is guarded, too. */
const holding = new WeakSet<object>()

function make(tool: object, gate: () => Gate): object | undefined {
  if (isParseableTool(tool)) {
    const { $callback, $parseRaw } = tool
    if (holding.has($callback)) return tool
    const name = tool.function?.name ?? tool.name ?? ''
    const held = holdChat(name, { call: $callback.bind(tool) as Callback, parse: $parseRaw.bind(tool) }, gate)
    return changed(tool, { $callback: held.call, $parseRaw: held.parse })
  }
  if (isRunnableTool(tool)) {
    const fn = tool.function
    if (holding.has(fn.function)) return tool
    const name = fn.name || fn.function.name
    const parse = typeof fn.parse === 'function' ? (fn.parse.bind(fn) as Parse) : undefined
    const held = holdChat(name, { call: fn.function.bind(fn) as Callback, parse }, gate)
    // The SDK calls a tool by its function's name where it has none of its own.
    Object.defineProperty(held.call, 'name', { value: fn.function.name })
    const more = held.parse === undefined ? {} : { parse: held.parse }
    return changed(tool, { function: changed(fn, { function: held.call, ...more }) })
  }
  if (!isRunnerFunction(tool)) return undefined
  return holding.has(tool.execute) ? tool : changed(tool, { execute: holdRunner(tool, gate) })
}

interface Chat {
  call: Callback
  parse: Parse | undefined
}

/**
 * What the program's own parser refuses is not put before a person. What it makes of the arguments is made anew of the
 * approved ones. A refusal is what the function returns: a throw would end the run.
 */
function holdChat(name: string, { call, parse }: Chat, gate: () => Gate): Chat {
  const texts = new WeakMap<object, string>()
  const remember = (parsed: unknown, text: string): unknown => {
    if (typeof parsed === 'object' && parsed !== null) texts.set(parsed, text)
    return parsed
  }
  const held: Chat = {
    parse:
      parse &&
      ((text) => {
        const parsed = parse(text)
        return isThenable(parsed) ? parsed.then((one) => remember(one, text)) : remember(parsed, text)
      }),
    async call(given: unknown, runner: unknown, context: unknown) {
      const run = (one: unknown) => call(one as never, runner as never, context as never)
      const text = typeof given === 'string' ? given : texts.get(given as object)
      if (takeReleased(name, text ?? given)) return run(given)
      const { id, user, signal } = takeCall(runner, name, text)
      const asked = text === undefined ? { arguments: given } : { argumentsText: text || '{}' }
      const answer = await gate().hold(
        attemptOf({ kind: 'tool', name, ...asked, attempt: id, user, signal }),
        async (approved) => {
          if (text === undefined) return run(approved)
          const exactly = JSON.stringify(approved)
          return run(parse === undefined ? exactly : await parse(exactly))
        },
      )
      return answer.ran ? answer.value : answer.refusal.message
    },
  }
  holding.add(held.call)
  return held
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function'

/** As the runner of a Responses conversation calls it: with the decoded arguments. */
function holdRunner(fn: RunnerFunction, gate: () => Gate) {
  const { name } = fn.tool
  const execute = fn.execute.bind(fn) as (given: unknown, options?: object) => unknown
  const held = async (given: unknown, options?: { signal?: AbortSignal }): Promise<unknown> => {
    if (takeReleased(name, given)) return execute(given, options)
    const answer = await gate().hold(
      attemptOf({ kind: 'tool', name, arguments: given, signal: options?.signal }),
      (approved) => execute(approved, options),
    )
    return answer.ran ? answer.value : answer.refusal.message
  }
  holding.add(held)
  return held
}

/** A copy with other members, visible where the old ones were. */
function changed<T extends object>(target: T, members: object): T {
  const own = Object.getOwnPropertyDescriptors(target) as PropertyDescriptorMap
  for (const [name, value] of Object.entries(members))
    own[name] = { value, enumerable: own[name]?.enumerable ?? true, writable: true, configurable: true }
  return Object.create(Object.getPrototypeOf(target), own) as T
}

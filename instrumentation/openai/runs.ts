import { AsyncLocalStorage } from 'node:async_hooks'
import { canonicalize, parseJson } from '#contract'
import { type ChatRunner, type EndUser, userIn } from './sdk.ts'

/** What a callback is not told of the run that it belongs to. */
interface Run {
  user: string | undefined
  /** Ids of the calls of which is known already who makes them. */
  taken: Set<string>
}

const runs = new WeakMap<object, Run>()

export function startRun(runner: object, params: EndUser): void {
  runs.set(runner, { user: userIn(params), taken: new Set() })
}

const runOf = (runner: object): Run => {
  const known = runs.get(runner) ?? { user: undefined, taken: new Set<string>() }
  runs.set(runner, known)
  return known
}

/** Undefined members where a program calls a tool by itself, without a runner. */
export interface ChatCall {
  id?: string | undefined
  user?: string | undefined
  signal?: AbortSignal | undefined
}

/**
 * Which call of the model's last message this is. Callbacks are called in the order of their calls: the first with this
 * name and these arguments that nobody has taken is the one.
 */
export function takeCall(runner: unknown, name: string, text: string | undefined): ChatCall {
  if (!isRunner(runner)) return {}
  const { user, taken } = runOf(runner)
  const calls = runner.messages.findLast(({ role }) => role === 'assistant')?.tool_calls ?? []
  const call = calls.find(
    ({ id, function: called }) => called?.name === name && called.arguments === text && !taken.has(id),
  )
  if (call !== undefined) taken.add(call.id)
  return { id: call?.id, user, signal: runner.controller.signal }
}

const isRunner = (runner: unknown): runner is ChatRunner => {
  const { messages, controller } = (runner ?? {}) as Partial<ChatRunner>
  return Array.isArray(messages) && controller?.signal instanceof AbortSignal
}

/** One call that has been released, on its way to the function that carries it out. */
interface Released {
  key: string
  isUsed: boolean
}
const releasedCall = new AsyncLocalStorage<Released>()

/** Runs what the hook has had released: a function that `guard` has wrapped besides must not ask again. */
export const runReleased = <T>(name: string, approved: unknown, run: () => T): T =>
  releasedCall.run({ key: keyOf(name, approved), isUsed: false }, run)

/** True once for the very call that was released. */
export function takeReleased(name: string, given: unknown): boolean {
  const released = releasedCall.getStore()
  if (released === undefined || released.isUsed || !isSame(released.key, name, given)) return false
  released.isUsed = true
  return true
}

function isSame(key: string, name: string, given: unknown): boolean {
  try {
    return key === keyOf(name, given)
  } catch {
    return false
  }
}

/** Text as the model wrote it, or what it was read as. */
const keyOf = (name: string, given: unknown): string =>
  JSON.stringify([name, canonicalize(typeof given === 'string' ? parseJson(given || '{}') : given)])

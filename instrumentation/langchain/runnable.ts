import type { Gate } from '#gate'
import { attemptOf } from './attempt.ts'
import { isToolCall, type Tool } from './sdk.ts'

type InvokeRunnable = (this: Tool, input: unknown, config?: unknown) => Promise<unknown>

/**
 * What `runnable.asTool()` makes is called as tools are, and is none. A refusal is what it returns: an agent makes a
 * tool's message of it.
 */
export function gatedRunnable(original: InvokeRunnable, gate: Gate): InvokeRunnable {
  return async function invoke(this: Tool, input, config) {
    const answer = await gate.ask(attemptOf(this, input, config))
    if (!answer.permitted) return answer.refusal.message
    return answer.run((approved) => {
      const args = structuredClone(approved)
      return original.call(this, isToolCall(input) ? { ...input, args } : args, config)
    })
  }
}

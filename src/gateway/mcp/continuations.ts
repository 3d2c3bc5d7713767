import { canonicalize, type JsonValue } from '#contract'
import { isObject } from './message.ts'
import type { ToolCall } from './tool-call.ts'

/**
 * In protocol 2026-07-28 a server that needs to know more answers with questions, and the client sends the call again
 * with the answers. Both are one call, told apart by what they repeat word for word; it is good for one more time.
 */
export interface Continuations {
  /** What the server answered to this call: perhaps with questions. */
  note(asked: ToolCall, result: JsonValue | undefined): void
  /** Whether this call answers questions that were asked, and that nobody has answered yet. */
  take(asked: ToolCall): boolean
}

/** Questions that nobody answers are forgotten, the oldest first. */
const MAX_OPEN = 1_000

export function createContinuations(): Continuations {
  const open = new Set<string>()
  return {
    note(asked, result) {
      if (!isObject(result) || result.resultType !== 'input_required') return
      for (const oldest of open) if (open.size >= MAX_OPEN) open.delete(oldest)
      open.add(keyOf(asked, result.requestState))
    },
    take: (asked) => open.delete(keyOf(asked, asked.rest.requestState)),
  }
}

export const continues = ({ rest }: ToolCall): boolean =>
  Object.hasOwn(rest, 'inputResponses') || Object.hasOwn(rest, 'requestState')

const keyOf = ({ name, arguments: given }: ToolCall, requestState: JsonValue | undefined): string =>
  canonicalize([name, given ?? null, requestState ?? null])

import { AsyncLocalStorage } from 'node:async_hooks'
import { canonicalize, type JsonValue } from '#contract'

/**
 * A tool call that a framework makes through an MCP client is one action and gets one request: the framework's
 * hook asks, and the client's hook lets exactly that call pass, once; so does the server's, in the same process. Another
 * tool, other arguments or a second call inside are actions of their own.
 */
interface Cover {
  at: Side
  tool: string
  arguments: string
  isUsed: boolean
}

type Side = 'client' | 'server'

const covers = new AsyncLocalStorage<Cover>()

/** Runs what carries out a released MCP tool call, `at` the next hook. `tool` may be prefixed by the framework. */
export const runCovered = <T>(tool: string, approved: JsonValue, run: () => T, at: Side = 'client'): T =>
  covers.run({ at, tool, arguments: canonicalize(approved), isUsed: false }, run)

/** True once for the very call that was released. */
export function takeCover(tool: string, given: unknown, at: Side = 'client'): boolean {
  const cover = covers.getStore()
  if (cover?.at !== at || cover.isUsed || !isSameTool(cover.tool, tool)) return false
  if (!hasSameArguments(cover, given)) return false
  cover.isUsed = true
  return true
}

/** Frameworks put the server's name in front where two servers have a tool of one name. */
const isSameTool = (framework: string, client: string): boolean =>
  framework === client || framework.endsWith(`_${client}`)

function hasSameArguments(cover: Cover, given: unknown): boolean {
  try {
    return canonicalize(given) === cover.arguments
  } catch {
    return false
  }
}

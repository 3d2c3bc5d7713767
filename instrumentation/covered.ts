import { AsyncLocalStorage } from 'node:async_hooks'
import { canonicalize, type JsonValue } from '#contract'

/**
 * A tool call that a framework makes through an MCP client is one action and gets one request: the framework's
 * hook asks, and the client's hook lets exactly that call pass, once. Another tool, other arguments or a second
 * call inside are actions of their own.
 */
interface Cover {
  tool: string
  arguments: string
  isUsed: boolean
}

const covers = new AsyncLocalStorage<Cover>()

/** Runs what carries out a released MCP tool call. `tool` may be prefixed by the framework. */
export const runCovered = <T>(tool: string, approved: JsonValue, run: () => T): T =>
  covers.run({ tool, arguments: canonicalize(approved), isUsed: false }, run)

/** True once for the very call that was released. */
export function takeCover(tool: string, given: unknown): boolean {
  const cover = covers.getStore()
  if (cover === undefined || cover.isUsed || !isSameTool(cover.tool, tool)) return false
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

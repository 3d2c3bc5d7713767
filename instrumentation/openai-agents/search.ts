import type { Gate } from '#gate'
import { guardTool } from './guard.ts'
import { isFunctionTool, type Sdk, type Tool } from './sdk.ts'

/** A search that the program carries out itself finds tools that no agent has listed. */
export function guardSearch(tool: Tool, sdk: Sdk, gate: Gate): Tool {
  const search = sdk.getClientToolSearchExecutor?.(tool)
  if (search === undefined) return tool
  const found = (one: Tool): Tool =>
    one && isFunctionTool(one) ? guardTool(one, { kind: 'tool' }, () => gate) : one
  const guarded = Object.create(Object.getPrototypeOf(tool), Object.getOwnPropertyDescriptors(tool)) as Tool
  return sdk.attachClientToolSearchExecutor(guarded, async (question) => {
    const tools = await search(question)
    return Array.isArray(tools) ? tools.map(found) : found(tools)
  })
}

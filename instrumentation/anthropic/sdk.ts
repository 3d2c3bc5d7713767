/** The part of the shapes of `@anthropic-ai/sdk` that is used here. */

/** A tool that a runner calls: `betaZodTool`, `betaTool`, `betaMemoryTool`, `mcpTool`, the agent toolset's and others. */
export interface RunnableTool {
  name: string
  run: (given: never, context?: never) => unknown
  parse?: ((input: unknown) => unknown) | undefined
}

/** A browser or a computer: one entry for many members, each call of which names its member. */
export interface RunnableToolset {
  type: string
  run: (context: never, toolUse: never) => unknown
}

/** One call, as the model made it. */
export interface ToolUse {
  id: string
  name: string
  input: unknown
  toolset_name?: string | null
}

export interface RunContext {
  toolUse: ToolUse
  /** The same, under its former name. */
  toolUseBlock?: ToolUse
  signal?: AbortSignal | null
}

export interface RunnerParams {
  tools?: readonly object[] | undefined
  metadata?: { user_id?: string | null } | undefined
}
export interface RequestOptions {
  openTelemetry?: { conversationId?: string | null }
}

export const isRunnableTool = (tool: object): tool is RunnableTool =>
  typeof (tool as Partial<RunnableTool>).run === 'function' &&
  typeof (tool as Partial<RunnableTool>).name === 'string'

/** https://platform.claude.com/docs: a toolset has a dated type instead of a name. */
export const isRunnableToolset = (tool: object): tool is RunnableToolset => {
  const { run, type } = tool as Partial<RunnableToolset>
  return typeof run === 'function' && typeof type === 'string' && /_toolset_\d+$/.test(type)
}

/** The SDK marks what its helpers have made, by a symbol of its own. */
export const isMcpTool = (tool: object): boolean =>
  Object.getOwnPropertySymbols(tool).some((mark) => (tool as Record<symbol, unknown>)[mark] === 'mcpTool')

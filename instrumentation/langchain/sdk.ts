/** The part of the shapes of `@langchain/core/tools` that is used here. */
export interface Tool {
  name: string
  schema?: unknown
  defaultConfig?: { timeout?: number }
  invoke(input: never, config?: never): Promise<unknown>
  call(arg: never, config?: never, tags?: never): Promise<unknown>
}

/** As they are called: tools are generic in what they are called with. */
export type Call = (this: Tool, arg: unknown, config?: unknown, tags?: string[]) => Promise<unknown>
export type Invoke = (this: Tool, input: unknown, config?: Config) => Promise<unknown>

/** What the model wrote, as a whole. */
export interface ToolCall {
  type: 'tool_call'
  id?: string
  name: string
  args: unknown
}

export interface Config {
  toolCall?: { id?: string }
  signal?: AbortSignal
  timeout?: number
  metadata?: Readonly<Record<string, unknown>>
  configurable?: Readonly<Record<string, unknown>>
  /** Ours: of the tool itself, milliseconds. */
  [TOOL_TIMEOUT]?: number
}

/** A name, and no symbol: the SDK copies what has one. */
export const TOOL_TIMEOUT = 'holdpointToolTimeoutMs'

export const isToolCall = (given: unknown): given is ToolCall =>
  typeof given === 'object' && given !== null && (given as ToolCall).type === 'tool_call'

/** In its place there may be callbacks, as it once was. */
export const configOf = (given: unknown): Config =>
  typeof given === 'object' && given !== null && !Array.isArray(given) ? given : {}

/** The part of the shapes of `openai` that is used here. */

/** A function tool of `runTools`: its callback is told the arguments and the runner, but not which call it is. */
export interface RunnableTool {
  type: 'function'
  function: RunnableFunction
}
export interface RunnableFunction {
  function: Callback
  parse?: Parse | undefined
  name?: string | undefined
}
/** What `zodFunction`, `zodResponsesFunction` and their like make: it stands in a request as it is. */
export interface ParseableTool {
  $brand: 'auto-parseable-tool'
  $callback?: Callback | undefined
  $parseRaw: Parse
  name?: string
  function?: { name: string }
}
/** A function tool of the `ResponsesToolRunner`. */
export interface RunnerFunction {
  tool: { type: 'function'; name: string }
  execute: (given: never, options?: never) => unknown
}

export type Callback = (given: never, runner: never, context: never) => unknown
export type Parse = (text: string) => unknown

/** Runs a conversation until the model calls no more tools. */
export interface ChatRunner {
  messages: readonly Message[]
  controller: AbortController
}
export interface Message {
  role: string
  tool_calls?: readonly ChatToolCall[] | undefined
}
export interface ChatToolCall {
  id: string
  type: string
  function?: { name: string; arguments: string }
}

export interface ChatParams extends EndUser {
  tools?: unknown
}
/** OpenAI's own words for the end user: `safety_identifier`, formerly `user`. */
export interface EndUser {
  safety_identifier?: unknown
  user?: unknown
}

export interface FunctionCall {
  type: 'function_call'
  call_id: string
  name: string
  arguments: string
}
export interface ComputerCall {
  type: 'computer_call'
  call_id: string
  action?: unknown
  actions?: unknown
  pending_safety_checks?: unknown
}
/** An MCP tool that the provider itself calls, once it is told that it may. */
export interface McpApprovalRequest {
  type: 'mcp_approval_request'
  id: string
  server_label: string
  name: string
  arguments: string
}
export interface McpApprovalResponse {
  type: 'mcp_approval_response'
  approval_request_id: string
  approve: boolean
  reason?: string
}

export const isRunnableTool = (tool: object): tool is RunnableTool =>
  typeof (tool as { function?: { function?: unknown } }).function?.function === 'function'

export const isParseableTool = (
  tool: object,
): tool is ParseableTool & { $callback: Callback; $parseRaw: Parse } => {
  const { $brand, $callback } = tool as Partial<ParseableTool>
  return $brand === 'auto-parseable-tool' && typeof $callback === 'function'
}

export const isRunnerFunction = (tool: object): tool is RunnerFunction =>
  typeof (tool as { execute?: unknown }).execute === 'function' &&
  typeof (tool as { tool?: { name?: unknown } }).tool?.name === 'string'

export const userIn = ({ safety_identifier, user }: EndUser): string | undefined =>
  [safety_identifier, user].find((one): one is string => typeof one === 'string' && one !== '')

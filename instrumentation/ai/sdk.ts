/** The part of the shapes of `ai` and `@ai-sdk/provider-utils` that is used here. */
export interface Tool {
  /** Absent where the provider or the client carries the tool out: nothing of that runs in this process. */
  execute?: ((input: never, options: never) => unknown) | undefined
  experimental_toolCaller?: { bind?(tools: Tools): Tool }
}
export type Tools = Record<string, Tool>

/** As it is called: tools are generic in what they are called with. */
export type Execute = (input: unknown, options: ExecuteOptions) => unknown
export interface ExecuteOptions {
  toolCallId?: string
  messages?: readonly Message[]
  abortSignal?: AbortSignal | undefined
}

export type ExecuteTool = (call: ToolExecution) => AsyncIterable<unknown>
export interface ToolExecution {
  tool: Tool
  input: unknown
  options: ExecuteOptions
}

/** What `generateText`, `streamText` and agents are called with. */
export interface CallOptions {
  tools?: Tools
  timeout?: Timeout
  telemetry?: { functionId?: unknown }
  experimental_telemetry?: { functionId?: unknown }
  runtimeContext?: Readonly<Record<string, unknown>>
  providerOptions?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

/** A number is how long the whole may take; here only what concerns tools matters. */
export type Timeout = number | { toolMs?: number; tools?: Readonly<Record<string, number | undefined>> }

export interface Agent {
  id?: string
}

export interface Message {
  role: string
  content: unknown
}

export interface ToolCallPart {
  type: 'tool-call'
  toolCallId: string
  toolName: string
  input: unknown
}

export interface ApprovalRequestPart {
  type: 'tool-approval-request'
  approvalId: string
  /** The SDK itself has answered it at once. */
  isAutomatic?: boolean
  /** In a result. */
  toolCall?: Omit<ToolCallPart, 'type'>
  /** In a message. */
  toolCallId?: string
}

export interface ApprovalResponsePart {
  type: 'tool-approval-response'
  approvalId: string
  approved: boolean
  reason?: string
}

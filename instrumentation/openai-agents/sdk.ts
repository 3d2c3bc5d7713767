/** The part of the shapes of `@openai/agents-core` that is used here. */
export interface Tool {
  type: string
}

export interface FunctionTool extends Tool {
  type: 'function'
  name: string
  invoke(context: never, input: string, details?: never): Promise<unknown>
  inputGuardrails?: unknown[]
  needsApproval?(context: never, given: never, callId?: string): Promise<boolean>
}

/** As it is called: tools are generic in what they are called with. */
export type Invoke = (context: object, input: string, details?: InvokeDetails) => Promise<unknown>
export interface InvokeDetails {
  toolCall?: { callId?: string }
  signal?: AbortSignal
}

export interface Guardrail {
  type: 'tool_input'
  name: string
  run(data: GuardrailData): Promise<GuardrailOutput>
}
export interface GuardrailData {
  context: object & { isToolApproved?(call: { toolName: string; callId: string }): boolean | undefined }
  agent?: Agent
  toolCall: { callId: string; arguments: string }
}
export interface GuardrailOutput {
  behavior: { type: 'allow' } | { type: 'rejectContent'; message: string }
  outputInfo?: unknown
}

export interface Agent {
  name: string
  tools: Tool[]
  mcpServers?: { name: string }[]
  modelSettings?: ModelSettings
  getAllTools(context: object): Promise<Tool[]>
}

/** `providerData` goes into the model's request as it is. */
export interface ModelSettings {
  providerData?: { safety_identifier?: unknown; user?: unknown }
}

export interface Runner {
  config?: {
    groupId?: string
    modelSettings?: ModelSettings
    toolExecution?: { preApprovalInputGuardrails?: boolean }
  }
}
export interface RunOptions {
  signal?: AbortSignal
  conversationId?: string
  session?: { getSessionId(): Promise<string> }
  toolExecution?: { preApprovalInputGuardrails?: boolean }
}

/** A run that waits for approvals. */
export interface RunState {
  _context: object
  getInterruptions(): Interruption[]
  approve(item: never): void
  reject(item: never, options?: { message?: string }): void
}

/** One call that the SDK itself holds. */
export interface Interruption {
  agent: unknown
  rawItem: { type: string }
}

export interface ShellTool extends Tool {
  name: string
  shell: { run(action: unknown): Promise<ShellResult> }
}
export interface ShellResult {
  output: { stdout: string; stderr: string; outcome: { type: 'exit'; exitCode: number | null } }[]
}

export interface EditTool extends Tool {
  editor: Record<'createFile' | 'updateFile' | 'deleteFile', Edit>
}
export type Edit = (
  operation: { type: string; path: string },
  context?: unknown,
) => Promise<EditorResult | undefined>
export interface EditorResult {
  status?: 'completed' | 'failed'
  output?: string
}

/** A tool of an MCP server that the provider itself calls; it asks first where it was told to. */
export interface HostedMcpTool extends Tool {
  name: string
  providerData: { on_approval?: HostedApproval; [name: string]: unknown }
}
export type HostedApproval = (context: never, item: never) => Promise<{ approve: boolean; reason?: string }>

/** What a search finds: one tool, several, or none. */
export type Search = (question: unknown) => Promise<Tool | Tool[]>
export interface Sdk {
  getClientToolSearchExecutor?(tool: Tool): Search | undefined
  attachClientToolSearchExecutor(tool: Tool, search: Search): Tool
}

export const isFunctionTool = (tool: Tool): tool is FunctionTool =>
  tool.type === 'function' && typeof (tool as Partial<FunctionTool>).invoke === 'function'

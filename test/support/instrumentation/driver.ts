import { z } from 'zod'

/**
 * What the contract asks of one framework, client or server: how a program uses its tools. The driver knows nothing of
 * a gate and nothing of vitest, for it also runs as a program of its own (see `dying.ts`); what is special to a
 * framework is said in its test, not here.
 */
export interface Driver<Sdk = never> {
  /** Name of the row in the compatibility table, and of the `Instrumentation`. */
  framework: string
  /** Name of the `Instrumentation`, where it has several rows. */
  instrumentation?: string
  /** The npm package whose version counts. */
  package: string
  /** Its copies in one process: classes of their own, each of them to be controlled. */
  copies: readonly { name: CopyName; load: () => Sdk | Promise<Sdk> }[]
  /** Hands the copy's exports to the instrumentation, as loaders do; preset: what `load` returned. */
  install?: (sdk: Sdk, patch: (exports: object) => void) => void
  /** Lets the model, or the caller, make all calls of one turn, and says what it was told of each. */
  run: (sdk: Sdk, turn: Turn) => Promise<Outputs>
  /** The methods that are patched, as `[object, name]`: another instrumentation wraps them too. */
  methods: (sdk: Sdk) => readonly (readonly [object, string])[]
  /** How the SDK calls its own span of a tool, where it opens one: that one is annotated. Preset: `execute_tool NAME`. */
  spanOf?: (tool: string) => string
  /** The `error.type` that it writes there itself, whatever the error. */
  spanError?: string
  /** Kind of the action. */
  kind: 'tool' | 'mcp'
  /** Why the framework does not know this; it is then left out, never made up. */
  unknown?: Partial<Record<Fact, string>>
}

export type CopyName = 'ESM' | 'CommonJS'
export type Fact = 'agent' | 'conversation' | 'call' | 'user'

/** One turn of a model, or one burst of calls of a client. Every tool has the parameters `PARAMETERS`. */
export interface Turn {
  calls: readonly ToolCall[]
  /** By name: what the program does. */
  tools: Readonly<Record<string, (given: Parameters) => Promise<string>>>
  /** The framework's own timeout for one tool, where it has one. */
  toolTimeoutMs?: number
  /** The caller's own: it goes away. */
  signal?: AbortSignal
  /** How long the caller waits for the whole, in the way that callers of this framework say so. */
  clientTimeoutMs?: number
  /** The model's answers are streamed. */
  stream?: boolean
  agent?: string
  conversation?: string
  user?: string
}

export interface ToolCall {
  id: string
  name: string
  /** Handed to the SDK as it is, where the SDK takes an object: the caller may still change it. */
  arguments: Parameters
}

export const PARAMETERS = z.object({
  limit: z.number(),
  region: z.string(),
  filter: z.object({ tags: z.array(z.string()) }),
})
export type Parameters = z.infer<typeof PARAMETERS>

/** The same as JSON Schema, closed and with every member required, as providers want it. */
export const PARAMETERS_SCHEMA = z.toJSONSchema(PARAMETERS) as {
  type: 'object'
  properties: Record<string, object>
  required: string[]
  additionalProperties: false
}

/** What the model, or the client, was given for each call, by call id. A run that failed throws. */
export type Outputs = Record<string, Output>

export interface Output {
  text: string
  /** Absent where the framework has no such mark. */
  isError?: boolean
}

import type { Instrumentation } from './instrumentation.ts'
import { mcpClient } from './mcp-client.ts'
import { openaiAgents } from './openai-agents.ts'

export { createGate, type Gate, type GateAttempt, type GateConfig, type Held, type Refusal } from '#gate'
export { installHooks } from './hooks.ts'
export type { Instrumentation } from './instrumentation.ts'
export { hold, useGate } from './process-gate.ts'

/** Every framework and client that is put under the gate. */
export const instrumentations: readonly Instrumentation[] = [openaiAgents, mcpClient]

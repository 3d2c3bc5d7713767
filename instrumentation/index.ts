import { ai } from './ai/index.ts'
import { anthropic } from './anthropic/index.ts'
import { aws } from './aws/index.ts'
import { childProcess } from './child-process/index.ts'
import { http } from './http/index.ts'
import type { Instrumentation } from './instrumentation.ts'
import { langchain } from './langchain/index.ts'
import { mcpClient } from './mcp-client.ts'
import { mcpServer } from './mcp-server/index.ts'
import { openai } from './openai/index.ts'
import { openaiAgents } from './openai-agents/index.ts'
import { createOpenTelemetryInstrumentation, type OpenTelemetryInstrumentation } from './opentelemetry.ts'
import { pg } from './pg/index.ts'

export {
  createGate,
  type Gate,
  type GateAttempt,
  type GateConfig,
  type Held,
  type PendingApproval,
  type Refusal,
  type Requested,
} from '#gate'
export type { Instrumentation } from './instrumentation.ts'
export type { OpenTelemetryInstrumentation } from './opentelemetry.ts'
export {
  type ExplicitAction,
  hold,
  type Json,
  type Resumed,
  requestApproval,
  resume,
  useGate,
  withdraw,
} from './process-gate.ts'

/** Every framework and client that is put under the gate. */
export const instrumentations: readonly Instrumentation[] = [
  openai,
  anthropic,
  openaiAgents,
  ai,
  langchain,
  mcpClient,
  mcpServer,
  http,
  aws,
  childProcess,
  pg,
]

/** For `new NodeSDK({ instrumentations: [holdpoint()] })`; see there for when that is too late. */
export const holdpoint = (): OpenTelemetryInstrumentation =>
  createOpenTelemetryInstrumentation(instrumentations)

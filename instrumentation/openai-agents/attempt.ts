import type { GateAttempt } from '#gate'
import { currentRun, userOf } from './runs.ts'
import type { Agent, FunctionTool } from './sdk.ts'

export interface Origin {
  kind: 'tool' | 'mcp'
  target?: string
}

/** What is not among the agent's own tools comes from one of its MCP servers. */
export function originOf(tool: FunctionTool, agent: Pick<Agent, 'tools' | 'mcpServers'>): Origin {
  if (agent.tools.includes(tool)) return { kind: 'tool' }
  const [server, ...others] = agent.mcpServers ?? []
  return server !== undefined && others.length === 0 ? { kind: 'mcp', target: server.name } : { kind: 'mcp' }
}

export interface CallFacts {
  callId?: string | undefined
  agent?: Agent | undefined
  signal?: AbortSignal | undefined
}

/** The call of a function tool, as the model wrote it. */
export const attemptOf = (
  name: string,
  origin: Origin,
  text: string,
  { callId, agent, signal }: CallFacts,
): Promise<GateAttempt> =>
  inItsRun({ ...origin, name, argumentsText: text || '{}', attempt: callId, signal }, agent)

/** With all that the run knows of it. */
export async function inItsRun(action: Loosely<GateAttempt>, agent: Agent | undefined): Promise<GateAttempt> {
  const run = currentRun()
  const known: Loosely<GateAttempt> = {
    ...action,
    agentName: agent?.name,
    conversation: await run.conversation?.(),
    user: userOf(agent),
    signal: action.signal ?? run.signal,
  }
  return Object.fromEntries(
    Object.entries(known).filter(([, value]) => value !== undefined),
  ) as unknown as GateAttempt
}

type Loosely<T> = { [K in keyof T]: T[K] | undefined }

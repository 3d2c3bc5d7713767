import type { GateAttempt } from '#gate'
import { currentRun } from './runs.ts'
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
  agentName?: string | undefined
  user?: string | undefined
  signal?: AbortSignal | undefined
}

export async function attemptOf(
  name: string,
  { kind, target }: Origin,
  text: string,
  { callId, agentName, ...call }: CallFacts,
): Promise<GateAttempt> {
  const run = currentRun()
  const signal = call.signal ?? run.signal
  const conversation = await run.conversation?.()
  const user = call.user ?? run.user
  return {
    kind,
    name,
    ...(target === undefined ? {} : { target }),
    argumentsText: text === '' ? '{}' : text,
    ...(callId === undefined ? {} : { attempt: callId }),
    ...(agentName === undefined ? {} : { agentName }),
    ...(conversation === undefined ? {} : { conversation }),
    ...(user === undefined ? {} : { user }),
    ...(signal === undefined ? {} : { signal }),
  }
}

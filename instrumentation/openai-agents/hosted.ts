import type { Gate } from '#gate'
import { gateOfProcess } from '../process-gate.ts'
import { inItsRun } from './attempt.ts'
import type { Agent, HostedApproval, HostedMcpTool, Tool } from './sdk.ts'

/**
 * `onApproval` of a `hostedMcpTool`: people are asked for what the provider is about to call. The provider calls it as
 * soon as it hears so; its outcome is that it was released. Throws INVALID_CONFIG in a process without a gate.
 */
export const holdHosted = async (_context: object, item: HostedCall): Promise<HostedAnswer> =>
  ask(item, gateOfProcess())

/** Whatever the program itself says to such a question, a yes of it is asked of people as well. */
export function guardHosted(tool: Tool, gate: () => Gate): Tool {
  if (!isHostedMcp(tool)) return tool
  const own = tool.providerData.on_approval
  if (own === undefined || own === holdHosted) return tool
  const on_approval: HostedApproval = async (context, item) => {
    const answer = await own(context, item)
    return answer.approve ? ask(item, gate()) : answer
  }
  return { ...tool, providerData: { ...tool.providerData, on_approval } } as Tool
}

async function ask({ agent, rawItem }: HostedCall, gate: Gate): Promise<HostedAnswer> {
  const { id, server_label: target, name = rawItem.name, arguments: text } = rawItem.providerData ?? {}
  const argumentsText = text || rawItem.arguments || '{}'
  const attempt = await inItsRun(
    { kind: 'mcp', name, target, argumentsText, attempt: id ?? rawItem.id },
    agent,
  )
  const held = await gate.hold(attempt, () => ({ approve: true }))
  return held.ran ? held.value : { approve: false, reason: held.refusal.message }
}

const isHostedMcp = (tool: Tool): tool is HostedMcpTool =>
  tool.type === 'hosted_tool' && (tool as { name?: string }).name === 'hosted_mcp'

interface HostedAnswer {
  approve: boolean
  reason?: string
}
interface HostedCall {
  agent: Agent
  rawItem: {
    id?: string
    name: string
    arguments?: string
    providerData?: { id?: string; server_label?: string; name?: string; arguments?: string }
  }
}

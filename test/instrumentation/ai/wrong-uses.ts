import { type ModelMessage, tool as makeTool, type Tool, type ToolSet } from 'ai'
import { z } from 'zod'
import {
  guard,
  type HeldApprovals,
  requestApprovals,
  resumeApprovals,
} from '../../../instrumentation/ai/index.ts'

/** Never called: `tsc` reads it. */
export function wrongUses(set: ToolSet, any: Tool, messages: ModelMessage[], held: HeldApprovals): unknown[] {
  const tool = makeTool({ inputSchema: z.object({ limit: z.number() }), execute: async ({ limit }) => limit })
  const same: typeof tool = guard(tool, 'export_customers')
  const tools: { export_customers: typeof tool } = guard({ export_customers: tool })
  const resumed: Promise<{ ready: boolean; messages?: ModelMessage[] }> = resumeApprovals(messages, held)
  return [
    same,
    tools,
    resumed,
    guard(set),
    guard(any, 'export_customers'),
    // @ts-expect-error - a tool does not know what it is called
    guard(tool),
    // @ts-expect-error - a function is no tool yet
    guard(async () => 'exported', 'export_customers'),
    // @ts-expect-error - names are missing
    guard([tool]),
    // @ts-expect-error - the content of a result, not its messages
    requestApprovals(messages),
    // @ts-expect-error - without what was asked nothing can be answered
    resumeApprovals(messages),
    // @ts-expect-error - only what is ready has messages to go on with
    resumeApprovals(messages, held).then((one) => one.messages),
  ]
}

import { type hostedMcpTool, tool as makeTool, type RunContext, type Tool } from '@openai/agents-core'
import { z } from 'zod'
import { guard, requestInterruptions } from '../../../instrumentation/openai-agents/index.ts'

/** Never called: `tsc` reads it. */
export function wrongUses(
  hosted: ReturnType<typeof hostedMcpTool>,
  context: RunContext,
  anyTool: Tool,
): unknown[] {
  const tool = makeTool({
    name: 'export_customers',
    description: 'd',
    parameters: z.object({ limit: z.number() }),
    execute: async ({ limit }) => limit,
  })
  const same: typeof tool = guard(tool)
  return [
    same,
    // @ts-expect-error - the provider runs a hosted tool: nothing here can hold it
    guard(hosted),
    // @ts-expect-error - it may be a hosted one
    guard(anyTool),
    // @ts-expect-error - a function is no tool yet: its name and parameters are not known
    guard(async () => 'exported'),
    // @ts-expect-error - one by one
    guard([tool]),
    // @ts-expect-error - a run's result is asked for, not its context
    requestInterruptions(context),
  ]
}

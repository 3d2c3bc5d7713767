import { tool as makeTool, type StructuredTool } from '@langchain/core/tools'
import { Command, interrupt } from '@langchain/langgraph'
import { z } from 'zod'
import { decidedInterrupts, guard, interruptible } from '../../../instrumentation/langchain/index.ts'

/** Never called: `tsc` reads it. */
export async function wrongUses(
  any: StructuredTool,
  result: { __interrupt__?: { id?: string; value?: unknown }[] },
) {
  const tool = makeTool(async ({ limit }) => limit, {
    name: 'export_customers',
    description: 'd',
    schema: z.object({ limit: z.number() }),
  })
  const same: typeof tool = guard(tool)
  const waiting: typeof tool = interruptible(tool, interrupt)
  const { resume } = await decidedInterrupts(result.__interrupt__ ?? [])
  return [
    same,
    waiting,
    guard(any),
    new Command({ resume }),
    // @ts-expect-error - a function is no tool yet: its name and parameters are not known
    guard(async () => 'exported'),
    // @ts-expect-error - one by one
    guard([tool]),
    // @ts-expect-error - the graph's own interrupt is needed
    interruptible(tool),
    // @ts-expect-error - the interrupts, not the result that has them
    decidedInterrupts(result),
  ]
}

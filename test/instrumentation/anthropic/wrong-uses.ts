import type { Anthropic } from '@anthropic-ai/sdk'
import { betaZodTool } from '@anthropic-ai/sdk/helpers/beta/zod'
import { z } from 'zod'
import { guard } from '../../../instrumentation/anthropic/index.ts'

/** Never called: `tsc` reads it. */
export function wrongUses(client: Anthropic, declared: Anthropic.Beta.BetaTool): unknown[] {
  const tool = betaZodTool({
    name: 'export_customers',
    description: 'd',
    inputSchema: z.object({ limit: z.number() }),
    run: ({ limit }) => String(limit),
  })
  const same: typeof tool = guard(tool)
  client.beta.messages.toolRunner({ model: 'm', max_tokens: 9, messages: [], tools: [guard(tool)] })
  return [
    same,
    // @ts-expect-error - only declared: whoever runs it has to be guarded
    guard(declared),
    // @ts-expect-error - the provider runs it
    guard({ type: 'web_search_20250305', name: 'web_search' }),
    // @ts-expect-error - a function is no tool yet: its name is not known
    guard(async () => 'exported'),
    // @ts-expect-error - one by one
    guard([tool]),
  ]
}

import type OpenAI from 'openai'
import { runnerFunction } from 'openai/helpers/responses-tool-runner'
import { zodFunction, zodResponsesFunction } from 'openai/helpers/zod'
import type { RunnableToolFunction } from 'openai/lib/RunnableFunction'
import { z } from 'zod'
import { guard, requestMcpApprovals, resumeMcpApprovals } from '../../../instrumentation/openai/index.ts'

/** Never called: `tsc` reads it. */
export async function wrongUses(
  client: OpenAI,
  plain: RunnableToolFunction<string>,
  declared: OpenAI.Chat.ChatCompletionTool,
  response: OpenAI.Responses.Response,
): Promise<unknown[]> {
  const parameters = z.object({ limit: z.number() })
  const options = { name: 'export_customers', parameters, function: ({ limit }: { limit: number }) => limit }
  const chat = zodFunction(options)
  const responses = zodResponsesFunction(options)
  const runner = runnerFunction(responses as never)
  const same: [typeof plain, typeof chat, typeof responses, typeof runner] = [
    guard(plain),
    guard(chat),
    guard(responses),
    guard(runner),
  ]
  client.chat.completions.runTools({ model: 'm', messages: [], tools: [guard(plain)] })
  return [
    same,
    // @ts-expect-error - only declared: whoever runs it has to be guarded
    guard(declared),
    // @ts-expect-error - the provider runs it
    guard({ type: 'mcp', server_label: 'billing' }),
    // @ts-expect-error - a function is no tool yet: its name is not known
    guard(async () => 'exported'),
    // @ts-expect-error - one by one
    guard([plain]),
    await requestMcpApprovals(response),
    // @ts-expect-error - a response is asked about, not its items
    await requestMcpApprovals(response.output),
    // @ts-expect-error - what was asked goes on, not the response
    await resumeMcpApprovals(response),
  ]
}

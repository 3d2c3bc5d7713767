// A customer-support agent like any other: nothing in here knows of Holdpoint. Its start command does
// (`node --import @holdpoint/instrumentation/register agent.ts`). Only the model is a script, so that it needs no network.
import { Agent, run, setTracingDisabled, tool } from '@openai/agents'
import { assistantMessage, functionCall, ScriptedModel } from '@openai/agents-core/testing'
import { trace } from '@opentelemetry/api'
import { z } from 'zod'

setTracingDisabled(true)

const tell = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`)

/** One line for each effect that really happened: the demo counts them. */
const effect = (name: string, what: string): string => {
  tell({ effect: name, what })
  return what
}

const tools = [
  tool({
    name: 'lookup_customer',
    description: 'Look up one customer',
    parameters: z.object({ customer: z.string() }),
    execute: ({ customer }) => effect('lookup_customer', `${customer}: plan gold, since 2019`),
  }),
  tool({
    name: 'export_customers',
    description: 'Export customer records',
    parameters: z.object({ segment: z.string(), format: z.string() }),
    execute: ({ segment, format }) =>
      effect('export_customers', `1,204 customers of ${segment} as ${format}`),
  }),
  tool({
    name: 'grant_role',
    description: 'Grant a role to somebody',
    parameters: z.object({ user: z.string(), role: z.string() }),
    execute: ({ user, role }) => effect('grant_role', `${user} is now ${role}`),
  }),
  tool({
    name: 'drop_database',
    description: 'Drop a database',
    parameters: z.object({ database: z.string() }),
    execute: ({ database }) => effect('drop_database', `${database} is gone`),
  }),
]

const model = new ScriptedModel([
  [functionCall('lookup_customer', { customer: 'ACME Ltd' }, { callId: 'call_1' })],
  [
    functionCall('export_customers', { segment: 'enterprise', format: 'csv' }, { callId: 'call_2' }),
    functionCall('grant_role', { user: 'dana', role: 'billing-admin' }, { callId: 'call_3' }),
  ],
  [functionCall('drop_database', { database: 'customers_staging' }, { callId: 'call_4' })],
  [assistantMessage('Exported and granted; the database is for a person to drop.')],
])

const agent = new Agent({ name: 'support-agent', instructions: 'Help the support team.', model, tools })

await trace.getTracer('support').startActiveSpan('invoke_agent support-agent', async (span) => {
  const result = await run(agent, 'Move ACME over and clean up.')
  for (const { rawItem } of result.newItems)
    if (rawItem?.type === 'function_call_result') tell({ tool: rawItem.name, result: rawItem.output })
  tell({ says: result.finalOutput })
  span.end()
})

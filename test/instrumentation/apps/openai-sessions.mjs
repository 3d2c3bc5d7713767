// Tool handlers of an agent session, in both copies of the SDK: what is submitted for each call goes to standard output.
import { createRequire } from 'node:module'
import * as esm from 'openai/lib/beta/agents/tool-dispatcher'

const submitted = []
const sessions = { events: { create: async (_session, { events }) => void submitted.push(...events) } }
const handlers = { export_customers: ({ limit }) => `exported ${limit}` }
for (const { AgentToolDispatcher } of [
  esm,
  createRequire(import.meta.url)('openai/lib/beta/agents/tool-dispatcher'),
]) {
  const dispatcher = new AgentToolDispatcher(sessions, handlers, new AbortController())
  for (const limit of [1, 2]) {
    const call = { turn_id: 't', call_id: `call-${limit}`, name: 'export_customers', arguments: { limit } }
    await dispatcher.prepare(call, 'session-1')()
  }
}
process.stdout.write(JSON.stringify(submitted))
process.exit(0)

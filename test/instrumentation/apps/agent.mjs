// An ordinary program, as somebody writes it who has never heard of a gate.
import { Client as ClientV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { Agent, run, setTracingDisabled, tool } from '@openai/agents'
import { assistantMessage, functionCall, ScriptedModel } from '@openai/agents-core/testing'
import { z } from 'zod'

setTracingDisabled(true)
const called = []
const parameters = z.object({ limit: z.number() })
const toolNamed = (name) =>
  tool({
    name,
    description: name,
    parameters,
    execute: async ({ limit }) => {
      called.push(`${name} ${limit}`)
      return `${name} done`
    },
  })

const model = new ScriptedModel([
  [functionCall('lookup_customer', { limit: 1 }, { callId: 'call-1' })],
  [functionCall('export_customers', { limit: 2 }, { callId: 'call-2' })],
  [functionCall('export_denied', { limit: 3 }, { callId: 'call-3' })],
  [assistantMessage('done')],
])
const tools = ['lookup_customer', 'export_customers', 'export_denied'].map(toolNamed)
const { finalOutput } = await run(new Agent({ name: 'Clerk', model, tools }), 'go')

async function callMcp(Client, limit) {
  const server = new McpServer({ name: 'crm', version: '1.0.0' })
  server.registerTool('export_denied', { inputSchema: { limit: z.number() } }, async () => {
    called.push(`mcp ${limit}`)
    return { content: [] }
  })
  const [ours, theirs] = InMemoryTransport.createLinkedPair()
  await server.connect(theirs)
  const client = new Client({ name: 'app', version: '1.0.0' })
  await client.connect(ours)
  const result = await client.callTool({ name: 'export_denied', arguments: { limit } })
  await client.close()
  return result.isError === true
}
const mcpRefused = [await callMcp(ClientV1, 4), await callMcp(ClientV2, 5)]

process.stdout.write(`${JSON.stringify({ finalOutput, called, mcpRefused })}\n`)
process.exitCode = 3

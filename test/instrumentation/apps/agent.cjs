// The same program for CommonJS: the SDKs' other copies.
const { Client: ClientV2 } = require('@modelcontextprotocol/client')
const { Client: ClientV1 } = require('@modelcontextprotocol/sdk/client/index.js')
const { InMemoryTransport } = require('@modelcontextprotocol/sdk/inMemory.js')
const { McpServer } = require('@modelcontextprotocol/sdk/server/mcp.js')
const { Agent, run, setTracingDisabled, tool } = require('@openai/agents')
const { assistantMessage, functionCall, ScriptedModel } = require('@openai/agents-core/testing')
const { z } = require('zod')

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

async function main() {
  const model = new ScriptedModel([
    [functionCall('lookup_customer', { limit: 1 }, { callId: 'call-1' })],
    [functionCall('export_customers', { limit: 2 }, { callId: 'call-2' })],
    [functionCall('export_denied', { limit: 3 }, { callId: 'call-3' })],
    [assistantMessage('done')],
  ])
  const tools = ['lookup_customer', 'export_customers', 'export_denied'].map(toolNamed)
  const { finalOutput } = await run(new Agent({ name: 'Clerk', model, tools }), 'go')
  const mcpRefused = [await callMcp(ClientV1, 4), await callMcp(ClientV2, 5)]
  process.stdout.write(`${JSON.stringify({ finalOutput, called, mcpRefused })}\n`)
  process.exitCode = 3
}
main()

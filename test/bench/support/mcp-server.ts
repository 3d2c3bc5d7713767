/** The smallest MCP server there can be, so that what is measured is what stands before it. */
import { createInterface } from 'node:readline'

const TOOLS = [{ name: 'lookup_customer', inputSchema: { type: 'object' } }]
const RESULTS: Record<string, object> = {
  initialize: {
    protocolVersion: '2025-11-25',
    capabilities: { tools: {} },
    serverInfo: { name: 'crm', version: '1' },
  },
  'tools/list': { tools: TOOLS },
  'tools/call': { content: [{ type: 'text', text: 'x'.repeat(1024) }] },
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method } = JSON.parse(line)
  if (id !== undefined)
    process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, result: RESULTS[method] ?? {} })}\n`)
})

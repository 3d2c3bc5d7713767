// An MCP server over HTTP that keeps nothing: any process of it may be asked next.
import { serve } from '@hono/node-server'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'

const { fetch } = createMcpHandler(() => {
  const server = new McpServer({ name: 'crm', version: '2.0.1' })
  server.registerTool(
    'export_customers',
    { inputSchema: z.object({ limit: z.number() }) },
    async ({ limit }) => ({
      content: [{ type: 'text', text: `${limit} exported by ${process.pid}` }],
    }),
  )
  return server
})
const server = serve({ fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => console.log(port))
process.once('SIGTERM', () => server.close(() => process.exit(0)))

/** An MCP server as a program: `node server.ts v1` or `v2`, each as its SDK's documentation has it. */
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { v1Server, v2Server } from '../servers.ts'

if (process.argv[2] === 'v1') {
  const server = v1Server([])
  server.registerTool('lookup_environment', {}, async () => ({
    content: [{ type: 'text', text: Object.keys(process.env).join(' ') }],
  }))
  server.registerTool('lookup_crash', {}, async () => process.exit(7))
  await server.connect(new StdioServerTransport())
} else serveStdio(() => v2Server([]))

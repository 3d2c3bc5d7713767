import type { Instrumentation } from '../instrumentation.ts'
import { holdHandlers } from './handlers.ts'
import { holdTools } from './tools.ts'

export { guard } from './guard.ts'

/**
 * Tools of MCP servers, whoever calls them: `McpServer` and handlers of `Server`, of `@modelcontextprotocol/sdk` (v1) and
 * `@modelcontextprotocol/server` (v2).
 */
export const mcpServer: Instrumentation = {
  name: 'mcp-server',
  packages: { '@modelcontextprotocol/sdk': '>=1.32 <2', '@modelcontextprotocol/server': '>=2 <3' },
  specifiers: [
    '@modelcontextprotocol/server',
    '@modelcontextprotocol/sdk/server/mcp.js',
    '@modelcontextprotocol/sdk/server/index.js',
    '@modelcontextprotocol/sdk/server',
  ],
  patch(exports, gate) {
    // v1 exports one here and the other there, v2 both.
    if (exports.McpServer !== undefined) holdTools(exports.McpServer, () => gate)
    if (exports.Server !== undefined || exports.McpServer === undefined)
      holdHandlers(exports.Server, () => gate)
  },
}

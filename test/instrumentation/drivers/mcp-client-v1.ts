import { createRequire } from 'node:module'
import type * as Main from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import type { Driver } from '../../support/instrumentation/driver.ts'
import { type Pair, runTurn } from '../../support/instrumentation/mcp.ts'
import { clientOptions } from './mcp-client-v2.ts'

const require = createRequire(import.meta.url)

export const driver: Driver<typeof Main> = {
  framework: 'mcp-client-v1',
  instrumentation: 'mcp-client',
  package: '@modelcontextprotocol/sdk',
  kind: 'mcp',
  copies: [
    { name: 'ESM', load: () => import('@modelcontextprotocol/sdk/client/index.js') },
    { name: 'CommonJS', load: () => require('@modelcontextprotocol/sdk/client/index.js') },
  ],
  methods: ({ Client }) => [
    [Client.prototype, 'callTool'],
    [Client.prototype, 'request'],
  ],
  unknown: {
    call: 'MCP clients know of no call of a model',
    user: 'MCP clients do not say whose token they send',
  },
  run: ({ Client }, turn) =>
    runTurn(
      { Client, Server: McpServer, InMemoryTransport, version: 1 } as unknown as Pair,
      turn,
      clientOptions(turn),
    ),
}

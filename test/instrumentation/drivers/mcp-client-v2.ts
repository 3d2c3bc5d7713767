import { createRequire } from 'node:module'
import type * as Main from '@modelcontextprotocol/client'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import type { Driver, Turn } from '../../support/instrumentation/driver.ts'
import { type Pair, runTurn } from '../../support/instrumentation/mcp.ts'

const require = createRequire(import.meta.url)

/** Against a server of the version before: the one does not know of the other. */
export const driver: Driver<typeof Main> = {
  framework: 'mcp-client-v2',
  instrumentation: 'mcp-client',
  package: '@modelcontextprotocol/client',
  kind: 'mcp',
  copies: [
    { name: 'ESM', load: () => import('@modelcontextprotocol/client') },
    { name: 'CommonJS', load: () => require('@modelcontextprotocol/client') },
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
      { Client, Server: McpServer, InMemoryTransport, version: 2 } as unknown as Pair,
      turn,
      clientOptions(turn),
    ),
}

/** The SDK's own timeout is that of the request; whoever waits for the whole hands it a signal. */
export function clientOptions({ toolTimeoutMs, clientTimeoutMs, signal }: Turn): object {
  const gone = clientTimeoutMs === undefined ? signal : AbortSignal.timeout(clientTimeoutMs)
  return {
    ...(toolTimeoutMs === undefined ? {} : { timeout: toolTimeoutMs }),
    ...(gone === undefined ? {} : { signal: gone }),
  }
}

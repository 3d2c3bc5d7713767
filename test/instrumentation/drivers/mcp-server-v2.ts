import { createRequire } from 'node:module'
import { Client } from '@modelcontextprotocol/client'
import { Client as StreamingClient } from '@modelcontextprotocol/sdk/client/index.js'
import type * as Main from '@modelcontextprotocol/server'
import type { Driver } from '../../support/instrumentation/driver.ts'
import { type Pair, runTurn } from '../../support/instrumentation/mcp.ts'
import { callerOptions } from './mcp-server-v1.ts'

const require = createRequire(import.meta.url)

export const driver: Driver<typeof Main> = {
  framework: 'mcp-server-v2',
  instrumentation: 'mcp-server',
  package: '@modelcontextprotocol/server',
  kind: 'mcp',
  copies: [
    { name: 'ESM', load: () => import('@modelcontextprotocol/server') },
    { name: 'CommonJS', load: () => require('@modelcontextprotocol/server') },
  ],
  methods: ({ McpServer, Server }) => [
    [McpServer.prototype, 'executeToolHandler'],
    [Server.prototype, 'setRequestHandler'],
  ],
  unknown: { call: 'MCP numbers the requests of a session, not the calls of a model' },
  run: (sdk, turn) => {
    // Clients of v1 alone can be told of a call while it runs.
    const caller = turn.stream === true ? { Client: StreamingClient, version: 1 } : {}
    return runTurn({ ...pairOf(sdk), ...caller } as unknown as Pair, turn, callerOptions(turn))
  },
}

export const pairOf = ({ McpServer: Server, InMemoryTransport }: typeof Main): Pair =>
  ({ Client, Server, InMemoryTransport, version: 2 }) as unknown as Pair

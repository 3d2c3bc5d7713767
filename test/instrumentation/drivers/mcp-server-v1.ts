import { createRequire } from 'node:module'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import type * as Low from '@modelcontextprotocol/sdk/server/index.js'
import type * as High from '@modelcontextprotocol/sdk/server/mcp.js'
import type { Driver, Turn } from '../../support/instrumentation/driver.ts'
import { type Pair, runTurn } from '../../support/instrumentation/mcp.ts'

const require = createRequire(import.meta.url)

export interface Sdk {
  high: typeof High
  low: typeof Low
}

export const driver: Driver<Sdk> = {
  framework: 'mcp-server-v1',
  instrumentation: 'mcp-server',
  package: '@modelcontextprotocol/sdk',
  kind: 'mcp',
  copies: [
    {
      name: 'ESM',
      load: async () => ({
        high: await import('@modelcontextprotocol/sdk/server/mcp.js'),
        low: await import('@modelcontextprotocol/sdk/server/index.js'),
      }),
    },
    {
      name: 'CommonJS',
      load: () => ({
        high: require('@modelcontextprotocol/sdk/server/mcp.js'),
        low: require('@modelcontextprotocol/sdk/server/index.js'),
      }),
    },
  ],
  install({ high, low }, patch) {
    patch(high)
    patch(low)
  },
  methods: ({ high, low }) => [
    [high.McpServer.prototype, 'executeToolHandler'],
    [low.Server.prototype, 'setRequestHandler'],
  ],
  unknown: { call: 'MCP numbers the requests of a session, not the calls of a model' },
  run: (sdk, turn) => runTurn(pairOf(sdk), turn, callerOptions(turn)),
}

export const pairOf = ({ high: { McpServer: Server } }: Sdk): Pair =>
  ({ Client, Server, InMemoryTransport, version: 1 }) as unknown as Pair

/** A server's caller waits for its request, and says so when it does no longer. */
export const callerOptions = ({ clientTimeoutMs, signal }: Turn): object => ({
  ...(clientTimeoutMs === undefined ? {} : { timeout: clientTimeoutMs }),
  ...(signal === undefined ? {} : { signal }),
})

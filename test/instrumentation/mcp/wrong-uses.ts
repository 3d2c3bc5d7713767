import { Client } from '@modelcontextprotocol/client'
import { Server as ServerV1 } from '@modelcontextprotocol/sdk/server/index.js'
import { McpServer as McpServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { McpServer, Server } from '@modelcontextprotocol/server'
import { guard } from '../../../instrumentation/mcp-server/index.ts'

/** Never called: `tsc` reads it. */
export function wrongUses() {
  const info = { name: 'crm', version: '1.0.0' }
  const server = new McpServer(info)
  const same: McpServer = guard(server)
  const low: Server = guard(new Server(info))
  return [
    same,
    low,
    guard(new McpServerV1(info)),
    guard(new ServerV1(info)),
    // @ts-expect-error - a tool is guarded by its server
    guard(server.registerTool('export_customers', {}, async () => ({ content: [] }))),
    // @ts-expect-error - clients have a hook of their own
    guard(new Client(info)),
    // @ts-expect-error - a class is no server yet
    guard(McpServer),
    // @ts-expect-error - one by one
    guard([server]),
  ]
}

import type { Command } from '#runtime'
import { mcpCommand } from './mcp/command.ts'
import { pinCommands } from './mcp/pin-commands.ts'

export { type McpGatewayConfig, type McpGatewayDeps, runMcpGateway } from './mcp/gateway.ts'
export { openPins } from './mcp/pins.ts'
export { type ServerEnd, type ServerProcess, startServer } from './mcp/server-process.ts'

/** Enforcement outside of the agent, one file for each protocol. */
export const gatewayCommands: Command[] = [mcpCommand, ...pinCommands]

import { HoldpointError } from '#contract'
import { gateOfProcess } from '../process-gate.ts'
import { holdHandlers } from './handlers.ts'
import type { HighServer, LowServer } from './sdk.ts'
import { holdTools } from './tools.ts'

/**
 * Puts the tools of this very server under the gate of this process, for programs that a bundler has put into one file,
 * where no hook reaches the SDK: `const server = guard(new McpServer(…))`. A server that a hook guards as well asks once.
 * A low-level `Server` is guarded before it is given its handler of `tools/call`: throws INVALID_CONFIG after that.
 */
export function guard<T extends HighServer | LowServer>(server: T): T {
  if ('registerTool' in server) {
    holdTools({ prototype: server }, gateOfProcess)
    holdHandlers({ prototype: server.server }, gateOfProcess)
    return server
  }
  if ((server as WithHandlers)._requestHandlers?.has('tools/call') !== false)
    throw new HoldpointError(
      'INVALID_CONFIG',
      'This server has its handler of tools/call already: guard(server) comes before server.setRequestHandler.',
    )
  holdHandlers({ prototype: server }, gateOfProcess)
  return server
}

interface WithHandlers {
  _requestHandlers?: Map<string, unknown>
}

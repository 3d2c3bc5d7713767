import type { JsonValue } from '#contract'
import type { Gate } from '#gate'
import { runCovered, takeCover } from './covered.ts'
import { type Instrumentation, replaceMethod } from './instrumentation.ts'

/**
 * `Client.callTool` of `@modelcontextprotocol/sdk` (v1) and `@modelcontextprotocol/client` (v2), and `Client.request`
 * below it: a tool is also called by `request({ method: 'tools/call' })` and by v1's `callToolStream`.
 */
export const mcpClient: Instrumentation = {
  name: 'mcp-client',
  packages: { '@modelcontextprotocol/sdk': '>=1.20 <2', '@modelcontextprotocol/client': '>=2 <3' },
  specifiers: [
    '@modelcontextprotocol/client',
    '@modelcontextprotocol/sdk/client/index.js',
    '@modelcontextprotocol/sdk/client',
  ],
  patch(exports, gate) {
    replaceMethod(exports.Client, 'callTool', (original) => {
      const call = original as unknown as CallTool
      return function callTool(this: McpClient, params: CallToolParams, ...more: unknown[]) {
        return holdCall({ client: this, call, params, more }, gate)
      } as never
    })
    replaceMethod(exports.Client, 'request', (original) => {
      const send = original as unknown as Send
      return function request(this: McpClient, message: Request, ...more: unknown[]) {
        const { method, params } = message
        // What callTool has had released it sends by this method; what it resends was never executed.
        if (method !== 'tools/call' || params === undefined || released.has(params))
          return send.call(this, message, ...more)
        const call: CallTool = (approved, ...rest) =>
          send.call(this, { ...message, params: approved }, ...rest)
        return holdCall({ client: this, call, params, more }, gate)
      } as never
    })
  },
}

/** Ours, and handed to nobody but the SDK. */
const released = new WeakSet<CallToolParams>()

/** v1: `(params, resultSchema?, options?)`, v2: `(params, options?)`. */
type CallTool = (this: McpClient, params: CallToolParams, ...more: unknown[]) => Promise<unknown>
type Send = (this: McpClient, request: Request, ...more: unknown[]) => Promise<unknown>
interface Request {
  method: string
  params?: CallToolParams
}
interface CallToolParams {
  name: string
  arguments?: Record<string, unknown>
}
interface McpClient {
  getServerVersion(): { name: string; version: string } | undefined
  /** Private; for whom people see this call made. */
  _clientInfo?: { name?: string }
  transport?: { sessionId?: string | undefined } | undefined
}
interface Call {
  client: McpClient
  call: CallTool
  params: CallToolParams
  more: unknown[]
}

/** The SDK's own request timeout starts with the request, so it does not run while a person decides. */
async function holdCall({ client, call, params, more }: Call, gate: Gate): Promise<unknown> {
  // A copy: what the caller changes from here on is not what was asked for.
  const asked = { ...params }
  const given = asked.arguments ?? {}
  const send = (approved: CallToolParams) => {
    released.add(approved)
    const run = () => call.call(client, approved, ...more)
    return runCovered(approved.name, (approved.arguments ?? {}) as JsonValue, run, 'server')
  }
  if (takeCover(asked.name, given)) return send(asked)
  const server = client.getServerVersion()
  const signal = signalIn(more)
  const agentName = client._clientInfo?.name
  const conversation = client.transport?.sessionId
  const held = await gate.hold(
    {
      kind: 'mcp',
      name: asked.name,
      ...(server === undefined ? {} : { target: `${server.name}/${server.version}` }),
      arguments: given,
      ...(signal === undefined ? {} : { signal }),
      ...(agentName === undefined ? {} : { agentName }),
      ...(conversation === undefined ? {} : { conversation }),
      failureIn: (result) => ((result as { isError?: unknown })?.isError === true ? 'tool_error' : undefined),
    },
    (approved) =>
      send(
        asked.arguments === undefined ? asked : { ...asked, arguments: approved as Record<string, unknown> },
      ),
  )
  if (held.ran) return held.value
  // A tool result, not a protocol error: the model reads it and can act on it (MCP, tools, error handling).
  return { isError: true, content: [{ type: 'text', text: held.refusal.message }] }
}

const signalIn = (more: unknown[]): AbortSignal | undefined =>
  more
    .map((one) => (one as { signal?: unknown } | undefined)?.signal)
    .find((signal): signal is AbortSignal => signal instanceof AbortSignal)

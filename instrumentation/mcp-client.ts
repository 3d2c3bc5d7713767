import type { Gate } from '#gate'
import { takeCover } from './covered.ts'
import { type Instrumentation, replaceMethod } from './instrumentation.ts'

/** `Client.callTool` of `@modelcontextprotocol/sdk` (v1) and `@modelcontextprotocol/client` (v2). */
export const mcpClient: Instrumentation = {
  name: 'mcp-client',
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
  },
}

/** v1: `(params, resultSchema?, options?)`, v2: `(params, options?)`. */
type CallTool = (this: McpClient, params: CallToolParams, ...more: unknown[]) => Promise<unknown>
interface CallToolParams {
  name: string
  arguments?: Record<string, unknown>
}
interface McpClient {
  getServerVersion(): { name: string; version: string } | undefined
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
  if (takeCover(asked.name, given)) return call.call(client, asked, ...more)
  const server = client.getServerVersion()
  const signal = signalIn(more)
  const held = await gate.hold(
    {
      kind: 'mcp',
      name: asked.name,
      ...(server === undefined ? {} : { target: `${server.name}/${server.version}` }),
      arguments: given,
      ...(signal === undefined ? {} : { signal }),
      failureIn: (result) => ((result as { isError?: unknown })?.isError === true ? 'tool_error' : undefined),
    },
    (approved) =>
      call.call(
        client,
        asked.arguments === undefined ? asked : { ...asked, arguments: approved as Record<string, unknown> },
        ...more,
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

import type { JsonObject, RequestId } from './message.ts'
import { PROTOCOL_VERSION } from './tool-call.ts'

/** JSON-RPC 2.0, section 5.1. */
export const CODE = {
  parse: -32700,
  invalidRequest: -32600,
  invalidParams: -32602,
  internal: -32603,
} as const

export const errorAnswer = (id: RequestId | null, code: number, message: string): JsonObject => ({
  jsonrpc: '2.0',
  id,
  error: { code, message: `holdpoint: ${message}` },
})

/** A tool's result and no protocol error: the model reads it and can act on it (MCP, tools, error handling). */
export const refusedResult = (id: RequestId, text: string, meta: JsonObject): JsonObject => ({
  jsonrpc: '2.0',
  id,
  result: {
    ...(Object.hasOwn(meta, PROTOCOL_VERSION) ? { resultType: 'complete' } : {}),
    content: [{ type: 'text', text }],
    isError: true,
  },
})

import type { Span } from '../../otlp/span.ts'
import type { PlainAction } from './action.ts'
import { firstOf, SPAN_KIND } from './attributes.ts'

export const MCP_TELLING = ['mcp.'] as const
const CALL = 'tools/call'

/** A tool called on an MCP server, by its client; the target, a server's name, stands on no span. */
export function readMcp(span: Span): PlainAction[] {
  if (span.kind === SPAN_KIND.server || span.kind === SPAN_KIND.consumer) return []
  if (firstOf(span, 'mcp.method.name', 'mcp.method') !== CALL) return []
  const tool =
    firstOf(span, 'gen_ai.tool.name', 'mcp.tool.name') ??
    (span.name.startsWith(`${CALL} `) ? span.name.slice(CALL.length + 1) : undefined)
  return tool === undefined
    ? [{ kind: 'mcp', names: [CALL], unsure: true }]
    : [{ kind: 'mcp', names: [tool] }]
}

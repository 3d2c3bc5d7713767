// Calls a tool over MCP that needs nobody's approval, and one that does, and prints what its own SDK exported of them.
import { context, trace } from '@opentelemetry/api'

if (process.argv[2] === 'late') await import('./own-sdk.mjs')
const { Client } = await import('@modelcontextprotocol/client')
const { InMemoryTransport, McpServer } = await import('@modelcontextprotocol/server')
const { holdpoint } = await import('#instrumentation')

const server = new McpServer({ name: 'crm', version: '1.0.0' })
server.registerTool('export_customers', {}, async () => ({ content: [] }))
const [ours, theirs] = InMemoryTransport.createLinkedPair()
await server.connect(theirs)
const client = new Client({ name: 'app', version: '1.0.0' })
await client.connect(ours)

const call = async () => (await client.callTool({ name: 'export_customers' })).isError === true
const span = trace.getTracer('app').startSpan('work')
const refused = [await context.with(trace.setSpan(context.active(), span), call)]
span.end()
// What switches telemetry off does not open the gate.
if (process.env.AS_INSTRUMENTATION) holdpoint().disable()
refused.push(await call())
await client.close()
const spans = globalThis.exported.getFinishedSpans()
const { traceId } = span.spanContext()
process.stdout.write(
  JSON.stringify({
    refused,
    names: spans.map(({ name }) => name).sort(),
    inTrace: spans.filter((one) => one.spanContext().traceId === traceId).length,
  }),
)

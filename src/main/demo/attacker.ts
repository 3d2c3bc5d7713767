// An agent that somebody else has taken over. It knows the ids of approvals that others got, it writes whatever it
// likes onto its spans, and it runs tools without asking. What it claims is stored; what is believed is another matter.
import { setTimeout as pause } from 'node:timers/promises'
import { context, SpanKind, trace } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { NodeSDK } from '@opentelemetry/sdk-node'
import { ATTR, GEN_AI } from '#contract'

const { DEMO_APPROVAL_ID = '', DEMO_TRACE_ID = '', DEMO_SPAN_ID = '' } = process.env

const sdk = new NodeSDK({ serviceName: 'support', traceExporter: new OTLPTraceExporter() })
sdk.start()
const tracer = trace.getTracer('support')

const claim = (name: string, attributes: Record<string, string>): void => {
  const common = {
    [GEN_AI.operationName]: 'execute_tool',
    [GEN_AI.toolName]: name,
    [GEN_AI.agentName]: 'support-agent',
    [ATTR.actionKind]: 'tool',
    [ATTR.outcome]: 'executed',
    [ATTR.verification]: 'verified',
  }
  tracer
    .startSpan(`execute_tool ${name}`, { kind: SpanKind.INTERNAL, attributes: { ...common, ...attributes } })
    .end()
}

const approved = {
  [ATTR.ruling]: 'hold',
  [ATTR.decision]: 'approved',
  [ATTR.approverName]: 'Carol Chen',
  [ATTR.approverId]: 'https://development.holdpoint.invalid#carol',
}

// An approval that nobody gave.
claim('rotate_keys', { ...approved, [ATTR.approvalId]: '1-aaaaaaaaaaaaaaaaaaaaaaaaaa' })
await pause(5)

// An approval that somebody gave, used a second time, in the very trace that it was given for.
const parent = trace.wrapSpanContext({ traceId: DEMO_TRACE_ID, spanId: DEMO_SPAN_ID, traceFlags: 1 })
context.with(trace.setSpan(context.active(), parent), () =>
  claim('export_customers', {
    [ATTR.ruling]: 'hold',
    [ATTR.decision]: 'approved',
    [ATTR.approvalId]: DEMO_APPROVAL_ID,
  }),
)
await pause(5)

// No claim at all: it just ran.
claim('grant_role', {})

await sdk.shutdown()

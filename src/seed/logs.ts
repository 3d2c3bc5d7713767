import { ATTR, GEN_AI, type RequestedEntry } from '#contract'
import type { RowBlock } from '#store'
import { createBlocks } from './spans/blocks.ts'
import { putNano } from './spans/bytes.ts'
import { type Attributes, textOf } from './spans/span.ts'
import { NAMESPACE } from './world/names.ts'

const COLUMNS = [
  'Timestamp',
  'TraceId',
  'SpanId',
  'TraceFlags',
  'SeverityText',
  'SeverityNumber',
  'ResourceAttributes',
  'ServiceName',
  'ResourceSchemaUrl',
  'ScopeSchemaUrl',
  'ScopeName',
  'ScopeVersion',
  'ScopeAttributes',
  'Body',
  'LogAttributes',
  'EventName',
] as const

export interface LogRecord {
  atMs: number
  traceId?: string
  spanId?: string
  environment?: string
  scope: string
  body: string
  attributes: Attributes
  event: string
}

/** Of Holdpoint's own logs, at level INFO. */
export function logBlocks(records: readonly LogRecord[]): RowBlock[] {
  const { bytes, endRow, finish } = createBlocks('otel_logs', COLUMNS)
  for (const { atMs, traceId = '', spanId = '', environment, scope, body, attributes, event } of records) {
    bytes.reserve(8)
    putNano(bytes.data, bytes.at, atMs * 1000)
    bytes.at += 8
    bytes.string(traceId)
    bytes.string(spanId)
    bytes.uint8(0)
    bytes.string('INFO')
    bytes.uint8(9)
    bytes.map([
      ...(environment === undefined ? [] : [['deployment.environment.name', environment] as const]),
      ['service.name', 'holdpoint'],
      ['service.namespace', NAMESPACE],
    ])
    for (const text of ['holdpoint', '', '', scope, '']) bytes.string(text)
    bytes.map([])
    bytes.string(body)
    bytes.map(
      Object.keys(attributes)
        .sort()
        .map((key) => [key, textOf(attributes[key] as never)]),
    )
    bytes.string(event)
    endRow()
  }
  return finish()
}

/** What the pipeline logs when an action begins to wait. */
export const requestedRecord = (entry: RequestedEntry): LogRecord => ({
  atMs: entry.at,
  traceId: entry.trace.traceId,
  spanId: entry.trace.spanId,
  environment: entry.environment,
  scope: 'holdpoint.pipeline',
  body: `${entry.agent.name} waits for approval of ${entry.name}`,
  event: 'holdpoint.approval.requested',
  attributes: {
    [ATTR.approvalId]: entry.requestId,
    [GEN_AI.agentId]: entry.agent.sub,
    [GEN_AI.agentName]: entry.agent.name,
    [ATTR.actionKind]: entry.kind,
    [GEN_AI.toolName]: entry.name,
    ...(entry.target === undefined ? {} : { [ATTR.actionTarget]: entry.target }),
    [ATTR.actionDigest]: entry.actionDigest,
    [ATTR.ruling]: entry.ruling.effect,
    [ATTR.policyRule]: entry.ruling.rule,
    [ATTR.policyVersion]: String(entry.ruling.policyVersion),
    [ATTR.enforcement]: entry.enforcement,
  },
})

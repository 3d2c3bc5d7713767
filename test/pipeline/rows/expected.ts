import { decodeSpan } from '../../../src/pipeline/otlp/protobuf.ts'
import { scanTraces } from '../../../src/pipeline/otlp/scan.ts'
import type { Attributes, Span } from '../../../src/pipeline/otlp/span.ts'
import { compareBytes, valueText } from '../../../src/pipeline/otlp/text.ts'

/** Rows of `otel_traces` as the store gives them, made from decoded spans. Times and durations in nanoseconds. */
export const expectedRows = (body: Uint8Array): unknown[] =>
  scanTraces(body, []).resources.flatMap((resource) =>
    resource.scopes.flatMap(({ name, version, spans }) =>
      spans.map((range) => expectedRow(decodeSpan(body, range), resource.attributes(), { name, version })),
    ),
  )

/** What reads rows so that they can be compared with it. */
export const READ_TRACES = `SELECT * REPLACE (
    toString(reinterpretAsUInt64(Timestamp)) AS Timestamp,
    toString(Duration) AS Duration,
    arrayMap(at -> toString(reinterpretAsUInt64(at)), Events.Timestamp) AS "Events.Timestamp"
  ) FROM otel_traces`

const KINDS = ['Unspecified', 'Internal', 'Server', 'Client', 'Producer', 'Consumer']

function expectedRow(span: Span, resource: Attributes, scope: { name: string; version: string }): object {
  const { events, links } = span
  return {
    Timestamp: String(span.startNs),
    TraceId: span.traceId,
    SpanId: span.spanId,
    ParentSpanId: idOf(span.parentSpanId),
    TraceState: span.traceState,
    SpanName: span.name,
    SpanKind: KINDS[span.kind] ?? 'Unspecified',
    ServiceName: valueText(resource.get('service.name')),
    ResourceAttributes: mapOf(resource),
    ScopeName: scope.name,
    ScopeVersion: scope.version,
    SpanAttributes: mapOf(span.attributes),
    Duration: String(span.endNs > span.startNs ? span.endNs - span.startNs : 0n),
    StatusCode: ['Unset', 'Ok', 'Error'][span.statusCode] ?? 'Unset',
    StatusMessage: span.statusMessage,
    'Events.Timestamp': events.map(({ timeNs }) => String(timeNs)),
    'Events.Name': events.map(({ name }) => name),
    'Events.Attributes': events.map(({ attributes }) => mapOf(attributes)),
    'Links.TraceId': links.map(({ traceId }) => idOf(traceId)),
    'Links.SpanId': links.map(({ spanId }) => idOf(spanId)),
    'Links.TraceState': links.map(({ traceState }) => traceState),
    'Links.Attributes': links.map(({ attributes }) => mapOf(attributes)),
  }
}

/** `fromEntries` defines a property where an assignment to `__proto__` would not. */
const mapOf = (attributes: Attributes): object =>
  Object.fromEntries(
    [...attributes]
      .sort(([one], [other]) => compareBytes(one, other))
      .map(([key, value]) => [key, valueText(value)]),
  )

const idOf = (id: string): string => (/^0*$/.test(id) ? '' : id)

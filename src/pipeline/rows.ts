import type { AttributeMap, SpanRow } from '#store'
import { unixNanoText } from '#store'
import type { Attributes, ResourceSpans, ScopeSpans, Span } from './otlp/span.ts'
import { compareBytes, valueText } from './otlp/text.ts'

/** Of one insert: what its rows repeat of their resources and scopes, and how many they are. */
const MAX_REPEATED_CHARS = 32 * 1024 * 1024
export const MAX_ROWS = 25_000

/**
 * The rows of a batch, as the Collector's ClickHouse exporter writes them, in parts of the size of an insert: a
 * megabyte that is said once of ten thousand spans is ten gigabytes of rows. The same batch has the same parts.
 */
export function* toSpanRows(batch: readonly ResourceSpans[]): Generator<SpanRow[]> {
  let rows: SpanRow[] = []
  let repeated = 0
  for (const { resource, scopes } of batch) {
    // Shared by all its spans: a batch has many spans and few resources.
    const resourceAttributes = attributeMap(resource)
    const resourceChars = charsOf(resource)
    for (const scope of scopes) {
      const chars = resourceChars + charsOfScope(scope)
      for (const span of scope.spans) {
        if (rows.length > 0 && (repeated + chars > MAX_REPEATED_CHARS || rows.length === MAX_ROWS)) {
          yield rows
          rows = []
          repeated = 0
        }
        rows.push(toSpanRow(span, resourceAttributes, scope))
        repeated += chars
      }
    }
  }
  if (rows.length > 0) yield rows
}

/** As long as the attributes become in an insert, where a control character takes six. */
export const charsOf = (attributes: Attributes): number =>
  [...attributes].reduce((sum, [key, value]) => sum + quoted(key) + quoted(valueText(value)), 0)
export const charsOfScope = ({ name, version }: ScopeSpans): number => quoted(name) + quoted(version)
const quoted = (text: string): number => JSON.stringify(text).length

function toSpanRow(span: Span, resource: AttributeMap, scope: ScopeSpans): SpanRow {
  const { events, links } = span
  return {
    Timestamp: unixNanoText(span.startNs),
    TraceId: span.traceId,
    SpanId: span.spanId,
    ParentSpanId: isZero(span.parentSpanId) ? '' : span.parentSpanId,
    TraceState: span.traceState,
    SpanName: span.name,
    SpanKind: KINDS[span.kind] ?? 'Unspecified',
    ServiceName: resource['service.name'] ?? '',
    ResourceAttributes: resource,
    ScopeName: scope.name,
    ScopeVersion: scope.version,
    SpanAttributes: attributeMap(span.attributes),
    // Clocks are set back now and then; a duration of five centuries helps nobody.
    Duration: String(span.endNs > span.startNs ? span.endNs - span.startNs : 0n),
    StatusCode: STATUS_CODES[span.statusCode] ?? 'Unset',
    StatusMessage: span.statusMessage,
    'Events.Timestamp': events.map(({ timeNs }) => unixNanoText(timeNs)),
    'Events.Name': events.map(({ name }) => name),
    'Events.Attributes': events.map(({ attributes }) => attributeMap(attributes)),
    'Links.TraceId': links.map(({ traceId }) => traceId),
    'Links.SpanId': links.map(({ spanId }) => spanId),
    'Links.TraceState': links.map(({ traceState }) => traceState),
    'Links.Attributes': links.map(({ attributes }) => attributeMap(attributes)),
  }
}

const KINDS = ['Unspecified', 'Internal', 'Server', 'Client', 'Producer', 'Consumer'] as const
const STATUS_CODES = ['Unset', 'Ok', 'Error'] as const

/** Without a prototype: `__proto__` is a key like any other. */
function attributeMap(attributes: Attributes): AttributeMap {
  const map: AttributeMap = Object.create(null)
  for (const [key, value] of [...attributes].sort(([one], [other]) => compareBytes(one, other)))
    map[key] = valueText(value)
  return map
}

export const isZero = (id: string): boolean => /^0*$/.test(id)

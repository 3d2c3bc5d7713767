import { PART } from './bounds.ts'
import { define, type Field, GROUP, type Message, many, message, one, oneof } from './schema.ts'
import type { Signal } from './signal.ts'

const ANY_VALUE = message('AnyValue')
const KEY_VALUE = message('KeyValue')
const attributes = (no: number, name = 'attributes') => many(no, name, KEY_VALUE)
const KEY_VALUE_LIST = message('KeyValueList', attributes(1, 'values'))

define(
  ANY_VALUE,
  oneof(
    one(1, 'stringValue', 'string'),
    one(2, 'boolValue', 'bool'),
    one(3, 'intValue', 'int64'),
    one(4, 'doubleValue', 'double'),
    one(5, 'arrayValue', message('ArrayValue', many(1, 'values', ANY_VALUE))),
    one(6, 'kvlistValue', KEY_VALUE_LIST),
    one(7, 'bytesValue', 'bytes'),
  ),
)
// Field 3 of KeyValue and 8 of AnyValue are indexes into the string table of profiles, and mean nothing here.
define(KEY_VALUE, [one(1, 'key', 'string'), one(2, 'value', ANY_VALUE)])

const RESOURCE = message(
  'Resource',
  attributes(1),
  one(2, 'droppedAttributesCount', 'uint32'),
  many(
    3,
    'entityRefs',
    message(
      'EntityRef',
      one(1, 'schemaUrl', 'string'),
      one(2, 'type', 'string'),
      many(3, 'idKeys', 'string'),
      many(4, 'descriptionKeys', 'string'),
    ),
  ),
)
const SCOPE = message(
  'InstrumentationScope',
  one(1, 'name', 'string'),
  one(2, 'version', 'string'),
  attributes(3),
  one(4, 'droppedAttributesCount', 'uint32'),
)

const SPAN = message(
  'Span',
  one(1, 'traceId', 'id'),
  one(2, 'spanId', 'id'),
  one(3, 'traceState', 'string'),
  one(4, 'parentSpanId', 'id'),
  one(5, 'name', 'string'),
  one(6, 'kind', 'enum'),
  one(7, 'startTimeUnixNano', 'time'),
  one(8, 'endTimeUnixNano', 'time'),
  attributes(9),
  one(10, 'droppedAttributesCount', 'uint32'),
  many(
    11,
    'events',
    message(
      'Event',
      one(1, 'timeUnixNano', 'time'),
      one(2, 'name', 'string'),
      attributes(3),
      one(4, 'droppedAttributesCount', 'uint32'),
    ),
    PART.event,
  ),
  one(12, 'droppedEventsCount', 'uint32'),
  many(
    13,
    'links',
    message(
      'Link',
      one(1, 'traceId', 'id'),
      one(2, 'spanId', 'id'),
      one(3, 'traceState', 'string'),
      attributes(4),
      one(5, 'droppedAttributesCount', 'uint32'),
      one(6, 'flags', 'fixed32'),
    ),
    PART.link,
  ),
  one(14, 'droppedLinksCount', 'uint32'),
  one(15, 'status', message('Status', one(2, 'message', 'string'), one(3, 'code', 'enum'))),
  one(16, 'flags', 'fixed32'),
)

const LOG_RECORD = message(
  'LogRecord',
  one(1, 'timeUnixNano', 'time'),
  one(2, 'severityNumber', 'enum'),
  one(3, 'severityText', 'string'),
  one(5, 'body', ANY_VALUE),
  attributes(6),
  one(7, 'droppedAttributesCount', 'uint32'),
  one(8, 'flags', 'fixed32'),
  one(9, 'traceId', 'id'),
  one(10, 'spanId', 'id'),
  one(11, 'observedTimeUnixNano', 'time'),
  one(12, 'eventName', 'string'),
)

const number = () => oneof(one(4, 'asDouble', 'double'), one(6, 'asInt', 'sfixed64'))
const exemplars = (no: number) =>
  many(
    no,
    'exemplars',
    message(
      'Exemplar',
      one(2, 'timeUnixNano', 'time'),
      ...oneof(one(3, 'asDouble', 'double'), one(6, 'asInt', 'sfixed64')),
      one(4, 'spanId', 'id'),
      one(5, 'traceId', 'id'),
      attributes(7, 'filteredAttributes'),
    ),
    PART.event,
  )
const times = () => [one(2, 'startTimeUnixNano', 'time'), one(3, 'timeUnixNano', 'time')]
const points = (...fields: Field[]) =>
  many(1, 'dataPoints', message('DataPoint', ...times(), ...fields), PART.point)
const temporality = () => one(2, 'aggregationTemporality', 'enum')
const buckets = () => message('Buckets', one(1, 'offset', 'sint32'), many(2, 'bucketCounts', 'uint64'))

const NUMBER_POINTS = () => points(...number(), exemplars(5), attributes(7), one(8, 'flags', 'uint32'))
const HISTOGRAM_POINTS = points(
  one(4, 'count', 'fixed64'),
  one(5, 'sum', 'double'),
  many(6, 'bucketCounts', 'fixed64'),
  many(7, 'explicitBounds', 'double'),
  exemplars(8),
  attributes(9),
  one(10, 'flags', 'uint32'),
  one(11, 'min', 'double'),
  one(12, 'max', 'double'),
)
const EXPONENTIAL_POINTS = points(
  attributes(1),
  one(4, 'count', 'fixed64'),
  one(5, 'sum', 'double'),
  one(6, 'scale', 'sint32'),
  one(7, 'zeroCount', 'fixed64'),
  one(8, 'positive', buckets()),
  one(9, 'negative', buckets()),
  one(10, 'flags', 'uint32'),
  exemplars(11),
  one(12, 'min', 'double'),
  one(13, 'max', 'double'),
  one(14, 'zeroThreshold', 'double'),
)
const SUMMARY_POINTS = points(
  one(4, 'count', 'fixed64'),
  one(5, 'sum', 'double'),
  many(
    6,
    'quantileValues',
    message('ValueAtQuantile', one(1, 'quantile', 'double'), one(2, 'value', 'double')),
  ),
  attributes(7),
  one(8, 'flags', 'uint32'),
)

const METRIC = message(
  'Metric',
  one(1, 'name', 'string'),
  one(2, 'description', 'string'),
  one(3, 'unit', 'string'),
  ...oneof(
    one(5, 'gauge', message('Gauge', NUMBER_POINTS())),
    one(7, 'sum', message('Sum', NUMBER_POINTS(), temporality(), one(3, 'isMonotonic', 'bool'))),
    one(9, 'histogram', message('Histogram', HISTOGRAM_POINTS, temporality())),
    one(10, 'exponentialHistogram', message('ExponentialHistogram', EXPONENTIAL_POINTS, temporality())),
    one(11, 'summary', message('Summary', SUMMARY_POINTS)),
  ),
  attributes(12, 'metadata'),
)

export const ITEM: Record<Signal, Field> = {
  traces: many(GROUP.items, 'spans', SPAN, PART.span),
  logs: many(GROUP.items, 'logRecords', LOG_RECORD, PART.log),
  metrics: many(GROUP.items, 'metrics', METRIC, PART.metric),
}

const SCHEMA_URL = one(GROUP.schemaUrl, 'schemaUrl', 'string')

const request = (name: string, groups: string, scopes: string, items: Field) => {
  const scope = message(scopes, one(GROUP.scope, 'scope', SCOPE), items, SCHEMA_URL)
  const group = message(
    groups,
    one(GROUP.resource, 'resource', RESOURCE),
    many(GROUP.scopes, scopes, scope, PART.group),
    SCHEMA_URL,
  )
  return message(name, many(GROUP.groups, groups, group, PART.group))
}

export const REQUEST: Record<Signal, Message> = {
  traces: request('ExportTraceServiceRequest', 'resourceSpans', 'scopeSpans', ITEM.traces),
  logs: request('ExportLogsServiceRequest', 'resourceLogs', 'scopeLogs', ITEM.logs),
  metrics: request('ExportMetricsServiceRequest', 'resourceMetrics', 'scopeMetrics', ITEM.metrics),
}

export { ANY_VALUE, KEY_VALUE, KEY_VALUE_LIST, LOG_RECORD, METRIC, RESOURCE, SCOPE, SPAN }

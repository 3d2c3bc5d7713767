import type { Signal } from './signal.ts'
import { PART } from './span.ts'

/**
 * The messages of opentelemetry-proto v1.11 for traces, logs and metrics, from which the structure of protobuf is
 * checked and JSON is transcoded. What is not here is unknown: skipped, and left as it came.
 */
export interface Message {
  name: string
  /** By their numbers. */
  fields: readonly (Field | undefined)[]
  /** By their names in JSON. */
  members: ReadonlyMap<string, Field>
}

export interface Field {
  no: number
  name: string
  type: Scalar | 'message'
  wire: Wire
  /** Of type `message`. */
  message: Message
  repeated: boolean
  /** Of a list of numbers, how one of them is written: they come one after the other in one field, or each in its own. */
  packed: Wire | undefined
  /** A bit for each field that may come once; members of a oneof share theirs. 0 where it is repeated. */
  once: number
  /** Bytes that an honest part takes at least. */
  leastBytes: number
}

/** `id` is `bytes` that JSON writes as hex digits. */
export type Scalar =
  | 'string'
  | 'id'
  | 'bytes'
  | 'bool'
  | 'enum'
  | 'uint32'
  | 'sint32'
  | 'int64'
  | 'uint64'
  | 'fixed32'
  | 'fixed64'
  | 'sfixed64'
  | 'double'

export const WIRE = { varint: 0, bit64: 1, bytes: 2, startGroup: 3, endGroup: 4, bit32: 5 } as const
export type Wire = (typeof WIRE)[keyof typeof WIRE]

const WIRE_OF: Record<Scalar | 'message', Wire> = {
  string: WIRE.bytes,
  id: WIRE.bytes,
  bytes: WIRE.bytes,
  message: WIRE.bytes,
  bool: WIRE.varint,
  enum: WIRE.varint,
  uint32: WIRE.varint,
  sint32: WIRE.varint,
  int64: WIRE.varint,
  uint64: WIRE.varint,
  fixed32: WIRE.bit32,
  fixed64: WIRE.bit64,
  sfixed64: WIRE.bit64,
  double: WIRE.bit64,
}

/** Numbers beyond it are unknown without a look. */
export const MAX_FIELD = 16

const NONE: Message = { name: '', fields: [], members: new Map() }
const ANY_VALUE = message('AnyValue')
const KEY_VALUE = message('KeyValue')
const attributes = (no: number, name = 'attributes') => many(no, name, KEY_VALUE)

define(
  ANY_VALUE,
  oneof(
    one(1, 'stringValue', 'string'),
    one(2, 'boolValue', 'bool'),
    one(3, 'intValue', 'int64'),
    one(4, 'doubleValue', 'double'),
    one(5, 'arrayValue', message('ArrayValue', many(1, 'values', ANY_VALUE))),
    one(6, 'kvlistValue', message('KeyValueList', attributes(1, 'values'))),
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
  one(7, 'startTimeUnixNano', 'fixed64'),
  one(8, 'endTimeUnixNano', 'fixed64'),
  attributes(9),
  one(10, 'droppedAttributesCount', 'uint32'),
  many(
    11,
    'events',
    message(
      'Event',
      one(1, 'timeUnixNano', 'fixed64'),
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
  one(1, 'timeUnixNano', 'fixed64'),
  one(2, 'severityNumber', 'enum'),
  one(3, 'severityText', 'string'),
  one(5, 'body', ANY_VALUE),
  attributes(6),
  one(7, 'droppedAttributesCount', 'uint32'),
  one(8, 'flags', 'fixed32'),
  one(9, 'traceId', 'id'),
  one(10, 'spanId', 'id'),
  one(11, 'observedTimeUnixNano', 'fixed64'),
  one(12, 'eventName', 'string'),
)

const number = () => oneof(one(4, 'asDouble', 'double'), one(6, 'asInt', 'sfixed64'))
const exemplars = (no: number) =>
  many(
    no,
    'exemplars',
    message(
      'Exemplar',
      one(2, 'timeUnixNano', 'fixed64'),
      ...oneof(one(3, 'asDouble', 'double'), one(6, 'asInt', 'sfixed64')),
      one(4, 'spanId', 'id'),
      one(5, 'traceId', 'id'),
      attributes(7, 'filteredAttributes'),
    ),
    PART.event,
  )
const times = () => [one(2, 'startTimeUnixNano', 'fixed64'), one(3, 'timeUnixNano', 'fixed64')]
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

/** All three signals are lists of resources, which hold scopes, which hold items: under the same numbers. */
export const GROUP = { groups: 1, resource: 1, scopes: 2, scope: 1, items: 2, schemaUrl: 3 } as const

const request = (name: string, groups: string, scopes: string, items: string, item: Message, least: number) =>
  message(
    name,
    many(
      GROUP.groups,
      groups,
      message(
        groups,
        one(GROUP.resource, 'resource', RESOURCE),
        many(
          GROUP.scopes,
          scopes,
          message(
            scopes,
            one(GROUP.scope, 'scope', SCOPE),
            many(GROUP.items, items, item, least),
            one(GROUP.schemaUrl, 'schemaUrl', 'string'),
          ),
          PART.group,
        ),
        one(GROUP.schemaUrl, 'schemaUrl', 'string'),
      ),
      PART.group,
    ),
  )

export const REQUEST: Record<Signal, Message> = {
  traces: request('ExportTraceServiceRequest', 'resourceSpans', 'scopeSpans', 'spans', SPAN, PART.span),
  logs: request(
    'ExportLogsServiceRequest',
    'resourceLogs',
    'scopeLogs',
    'logRecords',
    LOG_RECORD,
    PART.event,
  ),
  metrics: request(
    'ExportMetricsServiceRequest',
    'resourceMetrics',
    'scopeMetrics',
    'metrics',
    METRIC,
    PART.event,
  ),
}

export const ITEM: Record<Signal, Message> = { traces: SPAN, logs: LOG_RECORD, metrics: METRIC }
export { ANY_VALUE, KEY_VALUE, RESOURCE, SCOPE, SPAN }

function one(no: number, name: string, type: Scalar | Message): Field {
  const scalar = typeof type === 'string'
  return {
    no,
    name,
    type: scalar ? type : 'message',
    wire: WIRE_OF[scalar ? type : 'message'],
    message: scalar ? NONE : type,
    repeated: false,
    packed: undefined,
    once: 1 << no,
    leastBytes: PART.any,
  }
}

function many(no: number, name: string, type: Scalar | Message, leastBytes: number = PART.any): Field {
  const field = { ...one(no, name, type), repeated: true, once: 0, leastBytes }
  return field.wire === WIRE.bytes ? field : { ...field, packed: field.wire, wire: WIRE.bytes }
}

function oneof(...fields: Field[]): Field[] {
  const once = fields.reduce((bits, field) => bits | field.once, 0)
  return fields.map((field) => ({ ...field, once }))
}

function message(name: string, ...fields: Field[]): Message {
  return define({ name, fields: [], members: new Map() }, fields)
}

function define(into: Message, fields: Field[]): Message {
  const numbers: (Field | undefined)[] = Array.from({ length: MAX_FIELD + 1 })
  for (const field of fields) numbers[field.no] = field
  return Object.assign(into, {
    fields: numbers,
    members: new Map(fields.map((field) => [field.name, field])),
  })
}

/**
 * The trace tables that a Collector's ClickHouse exporter has made before Holdpoint came: its form of today, and the
 * one that it is to have on ClickHouse 26.2 and later (collector-contrib, pull request 50878), with another
 * sorting key, other codecs, alias columns and text indices. In our own arrangement; the columns are the exporter's.
 */
const text = (...names: string[]) => names.map((name) => `${name} String CODEC(ZSTD(1))`)
const word = (...names: string[]) => names.map((name) => `${name} LowCardinality(String) CODEC(ZSTD(1))`)
const map = (...names: string[]) =>
  names.map((name) => `${name} Map(LowCardinality(String), String) CODEC(ZSTD(1))`)
const bloom = (name: string, of: string, rate = 0.01) =>
  `INDEX ${name} ${of} TYPE bloom_filter(${rate}) GRANULARITY 1`
const byText = (name: string, of: string) => `INDEX ${name} ${of} TYPE text(tokenizer = 'array')`
const items = (name: string) =>
  `${name.slice(0, -1)}Items Array(String) ALIAS arrayMap(kv -> concat(kv.1, '=', kv.2), CAST(${name}, 'Array(Tuple(String, String))'))`

const columns = (time: string, duration: string): string[] => [
  `Timestamp DateTime64(9) CODEC(${time}, ZSTD(1))`,
  ...text('TraceId', 'SpanId', 'ParentSpanId', 'TraceState'),
  ...word('SpanName', 'SpanKind', 'ServiceName'),
  ...map('ResourceAttributes'),
  ...text('ScopeName', 'ScopeVersion'),
  ...map('SpanAttributes'),
  `Duration UInt64 CODEC(${duration})`,
  ...word('StatusCode'),
  ...text('StatusMessage'),
  'Events Nested (Timestamp DateTime64(9), Name LowCardinality(String), Attributes Map(LowCardinality(String), String)) CODEC(ZSTD(1))',
  'Links Nested (TraceId String, SpanId String, TraceState String, Attributes Map(LowCardinality(String), String)) CODEC(ZSTD(1))',
]

const LOOKUP = [
  `CREATE TABLE otel_traces_trace_id_ts (${text('TraceId')}, Start DateTime CODEC(Delta, ZSTD(1)), End DateTime CODEC(Delta, ZSTD(1)),
   ${bloom('idx_trace_id', 'TraceId')}) ENGINE = MergeTree() PARTITION BY toDate(Start) ORDER BY (TraceId, Start)
   TTL toDateTime(Start) + toIntervalDay(9000) SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1`,
  `CREATE MATERIALIZED VIEW otel_traces_trace_id_ts_mv TO otel_traces_trace_id_ts AS
   SELECT TraceId, min(Timestamp) AS Start, max(Timestamp) AS End FROM otel_traces WHERE TraceId != '' GROUP BY TraceId`,
]

const present = [
  `CREATE TABLE otel_traces (${[
    ...columns('Delta', 'ZSTD(1)'),
    bloom('idx_trace_id', 'TraceId', 0.001),
    bloom('idx_res_attr_key', 'mapKeys(ResourceAttributes)'),
    bloom('idx_res_attr_value', 'mapValues(ResourceAttributes)'),
    bloom('idx_span_attr_key', 'mapKeys(SpanAttributes)'),
    bloom('idx_span_attr_value', 'mapValues(SpanAttributes)'),
    'INDEX idx_duration Duration TYPE minmax GRANULARITY 1',
  ].join(', ')}) ENGINE = MergeTree() PARTITION BY toDate(Timestamp)
   ORDER BY (ServiceName, SpanName, toDateTime(Timestamp)) TTL toDateTime(Timestamp) + toIntervalDay(9000)
   SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1`,
  ...LOOKUP,
]

const coming = [
  `CREATE TABLE otel_traces (${[
    ...columns('Delta(8)', 'T64, ZSTD(1)'),
    items('ResourceAttributes'),
    items('SpanAttributes'),
    byText('idx_trace_id', 'TraceId'),
    byText('idx_res_attr_key', 'mapKeys(ResourceAttributes)'),
    byText('idx_res_attr_items', 'ResourceAttributeItems'),
    byText('idx_span_attr_key', 'mapKeys(SpanAttributes)'),
    byText('idx_span_attr_items', 'SpanAttributeItems'),
    'INDEX idx_duration Duration TYPE minmax GRANULARITY 1',
    'INDEX idx_lower_span_name lower(SpanName) TYPE tokenbf_v1(32768, 3, 0) GRANULARITY 8',
  ].join(', ')}) ENGINE = MergeTree PARTITION BY toDate(Timestamp)
   PRIMARY KEY (ServiceName, SpanName, toDateTime(Timestamp))
   ORDER BY (ServiceName, SpanName, toDateTime(Timestamp), Timestamp) TTL toDateTime(Timestamp) + toIntervalDay(9000)
   SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1`,
  ...LOOKUP,
]

/** A table of logs from before `TimestampTime` went: what it has more fills itself. */
const olderLogs = [
  `CREATE TABLE otel_logs (${[
    'Timestamp DateTime64(9) CODEC(Delta(8), ZSTD(1))',
    'TimestampTime DateTime DEFAULT toDateTime(Timestamp)',
    ...text('TraceId', 'SpanId'),
    'TraceFlags UInt8',
    ...word('SeverityText'),
    'SeverityNumber UInt8',
    ...word('ServiceName'),
    ...text('Body'),
    ...word('ResourceSchemaUrl'),
    ...map('ResourceAttributes'),
    ...word('ScopeSchemaUrl'),
    ...text('ScopeName'),
    ...word('ScopeVersion'),
    ...map('ScopeAttributes', 'LogAttributes'),
  ].join(', ')}) ENGINE = MergeTree PARTITION BY toDate(TimestampTime)
   PRIMARY KEY (ServiceName, TimestampTime) ORDER BY (ServiceName, TimestampTime, Timestamp)
   SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1`,
]

export const STOCK_TABLES = { present, coming, olderLogs } as const

/** How the exporter inserts: these columns in this order, no token. */
export const STOCK_INSERT_COLUMNS = [
  ...['Timestamp', 'TraceId', 'SpanId', 'ParentSpanId', 'TraceState', 'SpanName', 'SpanKind', 'ServiceName'],
  ...['ResourceAttributes', 'ScopeName', 'ScopeVersion', 'SpanAttributes', 'Duration', 'StatusCode'],
  ...['StatusMessage', 'Events.Timestamp', 'Events.Name', 'Events.Attributes'],
  ...['Links.TraceId', 'Links.SpanId', 'Links.TraceState', 'Links.Attributes'],
] as const

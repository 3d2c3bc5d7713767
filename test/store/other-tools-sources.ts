const table = (tableName: string) => ({ connection: 'ours', from: { databaseName: 'holdpoint', tableName } })
const ofBoth = {
  serviceNameExpression: 'ServiceName',
  resourceAttributesExpression: 'ResourceAttributes',
}
const ofEvents = {
  ...ofBoth,
  timestampValueExpression: 'Timestamp',
  displayedTimestampValueExpression: 'Timestamp',
  traceIdExpression: 'TraceId',
  spanIdExpression: 'SpanId',
}

/** What HyperDX is told of OpenTelemetry's tables when somebody adds them as its sources: which column is what. */
export const SOURCES = [
  {
    id: 'traces',
    name: 'Traces',
    kind: 'trace',
    ...table('otel_traces'),
    ...ofEvents,
    defaultTableSelectExpression: 'Timestamp,ServiceName,StatusCode,round(Duration/1e6),SpanName',
    implicitColumnExpression: 'SpanName',
    parentSpanIdExpression: 'ParentSpanId',
    spanNameExpression: 'SpanName',
    spanKindExpression: 'SpanKind',
    durationExpression: 'Duration',
    durationPrecision: 9,
    statusCodeExpression: 'StatusCode',
    statusMessageExpression: 'StatusMessage',
    eventAttributesExpression: 'SpanAttributes',
    spanEventsValueExpression: 'Events',
    logSourceId: 'logs',
  },
  {
    id: 'logs',
    name: 'Logs',
    kind: 'log',
    ...table('otel_logs'),
    ...ofEvents,
    defaultTableSelectExpression: 'Timestamp,ServiceName,SeverityText,Body',
    implicitColumnExpression: 'Body',
    bodyExpression: 'Body',
    severityTextExpression: 'SeverityText',
    eventAttributesExpression: 'LogAttributes',
    traceSourceId: 'traces',
  },
  {
    id: 'metrics',
    name: 'Metrics',
    kind: 'metric',
    ...table(''),
    ...ofBoth,
    timestampValueExpression: 'TimeUnix',
    metricTables: {
      gauge: 'otel_metrics_gauge',
      sum: 'otel_metrics_sum',
      histogram: 'otel_metrics_histogram',
      summary: 'otel_metrics_summary',
      'exponential histogram': 'otel_metrics_exponential_histogram',
    },
  },
]

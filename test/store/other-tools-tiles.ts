import { SECOND } from './other-tools-rows.ts'

type Select = Record<string, unknown>
const tile = (source: string, select: Select | Select[], more: object) => ({
  source,
  displayType: 'line',
  where: '',
  whereLanguage: 'lucene',
  select: [select]
    .flat()
    .map((one) => ({ aggCondition: '', aggConditionLanguage: 'lucene', valueExpression: '', ...one })),
  ...more,
})
const spans = (select: Select | Select[], more = {}) => tile('traces', select, more)
const logs = (select: Select, more = {}) => tile('logs', select, more)
const metrics = (metricType: string, metricName: string, select: Select, more = {}) =>
  tile('metrics', { metricType, metricName, valueExpression: 'Value', alias: 'value', ...select }, more)
const NUMBER = { displayType: 'number' }
const COUNT = { aggFn: 'count', alias: 'n' }

/** Of five minutes. */
const bucket = (secondsLater: number) => {
  const start = Math.floor((SECOND + secondsLater) / 300) * 300
  return { __hdx_time_bucket: new Date(start * 1000).toISOString().replace('.000', '') }
}

/** Tiles as HyperDX keeps them in a dashboard, and what the rows of `insertRows` give. Counts are text in its answers. */
export const TILES: Record<string, { config: object; rows: object[] }> = {
  'spans over time by service': {
    config: spans(COUNT, { groupBy: 'ServiceName' }),
    rows: [
      { n: '3', ServiceName: 'agent', ...bucket(0) },
      { n: '2', ServiceName: 'billing', ...bucket(600) },
    ],
  },
  'spans over time of the busiest service': {
    config: spans(COUNT, { groupBy: 'ServiceName', seriesLimit: 1 }),
    rows: [{ n: '3', ServiceName: 'agent', ...bucket(0) }],
  },
  'the 95th percentile of durations by service': {
    config: spans(
      { aggFn: 'quantile', level: 0.95, valueExpression: 'Duration', alias: 'p95' },
      { groupBy: 'ServiceName' },
    ),
    rows: [
      { p95: 1_500_000, ServiceName: 'agent', ...bucket(0) },
      { p95: 19_500_000, ServiceName: 'billing', ...bucket(600) },
    ],
  },
  'errors beside all spans and their traces': {
    config: spans(
      [
        { ...COUNT, aggCondition: 'StatusCode:Error', alias: 'errors' },
        COUNT,
        { aggFn: 'count_distinct', valueExpression: 'TraceId', alias: 'traces' },
      ],
      { displayType: 'table', groupBy: 'ServiceName' },
    ),
    rows: [
      { errors: '1', n: '3', traces: '2', ServiceName: 'agent' },
      { errors: '0', n: '2', traces: '1', ServiceName: 'billing' },
    ],
  },
  'spans by name': {
    config: spans(COUNT, { displayType: 'bar', groupBy: 'SpanName' }),
    rows: [
      { n: '2', SpanName: 'POST /invoices' },
      { n: '3', SpanName: 'execute_tool export_customers' },
    ],
  },
  'a span attribute, in its search language': {
    config: spans(COUNT, { ...NUMBER, where: 'SpanAttributes.gen_ai.tool.name:"export_customers"' }),
    rows: [{ n: '4' }],
  },
  'a span attribute that is there, and a service': {
    config: spans(COUNT, { ...NUMBER, where: 'SpanAttributes.holdpoint.approval.id:* ServiceName:agent' }),
    rows: [{ n: '2' }],
  },
  'a column of ours under its short name, and a word': {
    config: spans(COUNT, { ...NUMBER, where: 'GenAiTool:"export_customers" invoices' }),
    rows: [{ n: '2' }],
  },
  'events of spans by their name': {
    config: spans(COUNT, { ...NUMBER, where: 'Events.Name:waiting' }),
    rows: [{ n: '5' }],
  },
  'slow spans by part of their name': {
    config: spans(
      { aggFn: 'avg', valueExpression: 'Duration', alias: 'mean' },
      { ...NUMBER, where: 'Duration:>5000000 SpanName:invoices*' },
    ),
    rows: [{ mean: 15_000_000 }],
  },
  'slow spans, in SQL': {
    config: spans(COUNT, { ...NUMBER, where: 'Duration > 5000000', whereLanguage: 'sql' }),
    rows: [{ n: '2' }],
  },
  'log records by a word and not by their level': {
    config: logs(COUNT, {
      displayType: 'table',
      where: 'refused -SeverityText:INFO',
      groupBy: 'SeverityText',
    }),
    rows: [{ n: '1', SeverityText: 'WARN' }],
  },
  'SQL of a person, with its macros': {
    config: {
      configType: 'sql',
      connection: 'ours',
      source: 'traces',
      displayType: 'line',
      sqlTemplate: `SELECT $__timeInterval(Timestamp) AS __hdx_time_bucket, count() AS n FROM $__sourceTable
        WHERE $__timeFilter(Timestamp) GROUP BY __hdx_time_bucket ORDER BY __hdx_time_bucket`,
    },
    rows: [
      { ...bucket(0), n: '3' },
      { ...bucket(600), n: '2' },
    ],
  },
  'a gauge by service': {
    config: metrics('gauge', 'nodejs.event_loop.utilization', { aggFn: 'avg' }, { groupBy: 'ServiceName' }),
    rows: [
      { value: 0.5, ServiceName: 'agent', ...bucket(0) },
      { value: 0.75, ServiceName: 'billing', ...bucket(0) },
    ],
  },
  'a percentile of a gauge': {
    config: metrics('gauge', 'nodejs.event_loop.utilization', { aggFn: 'quantile', level: 0.5 }),
    rows: [{ value: 0.625, ...bucket(0) }],
  },
  'the rate of a sum that grows': {
    config: metrics('sum', 'holds', { aggFn: 'sum' }),
    rows: [
      { value: 30, ...bucket(0) },
      { value: 60, ...bucket(300) },
    ],
  },
  'the increase of a sum that grows': {
    config: metrics('sum', 'holds', { aggFn: 'increase' }),
    rows: [
      { value: 30, ...bucket(0) },
      { value: 60, ...bucket(300) },
    ],
  },
  'a sum of differences': {
    config: metrics('sum', 'tokens', { aggFn: 'sum' }),
    rows: [{ value: 12, ...bucket(0) }],
  },
  'the median of a histogram': {
    config: metrics('histogram', 'wait', { aggFn: 'quantile', level: 0.5 }),
    rows: [{ value: 15, ...bucket(0) }],
  },
  'how many values a histogram has': {
    config: metrics('histogram', 'wait', { aggFn: 'count' }),
    rows: [{ value: '10', ...bucket(0) }],
  },
}

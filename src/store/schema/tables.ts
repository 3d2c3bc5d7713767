/** What `clickhouse.ttlDays` names. */
export type Kept = 'traces' | 'logs' | 'metrics' | 'findings'

export interface Table {
  /** Which shard a row belongs on. It depends on the row alone, so a batch that is sent again meets itself there. */
  sharding: string
  /** Which time its rows grow old by, and by which part of the configuration. */
  ttl?: { kept: Kept; since: string }
  /** The view that copies what is inserted here into another table. */
  copiedBy?: string
}

const traces = (since: string): Table => ({
  sharding: 'cityHash64(TraceId)',
  ttl: { kept: 'traces', since: `toDateTime(${since})` },
})
const metrics: Table = {
  sharding: 'cityHash64(ServiceName, MetricName, Attributes)',
  ttl: { kept: 'metrics', since: 'toDateTime(TimeUnix)' },
}

/** All tables with rows of their own. */
export const TABLES: Readonly<Record<string, Table>> = {
  otel_traces: { ...traces('Timestamp'), copiedBy: 'otel_traces_trace_id_ts_mv' },
  otel_traces_trace_id_ts: traces('Start'),
  otel_logs: {
    // Most records have no trace: those would all lie on one shard.
    sharding: `if(TraceId = '', cityHash64(ServiceName, Timestamp, Body), cityHash64(TraceId))`,
    ttl: { kept: 'logs', since: 'toDateTime(Timestamp)' },
  },
  otel_metrics_gauge: metrics,
  otel_metrics_sum: metrics,
  otel_metrics_histogram: metrics,
  otel_metrics_exponential_histogram: metrics,
  otel_metrics_summary: metrics,
  holdpoint_ledger: { sharding: 'cityHash64(origin, ledger_index)' },
  holdpoint_findings: {
    sharding: 'cityHash64(trace_id)',
    // By the pipeline's own clock: an agent that dates its span back must not be rid of the alarm at once.
    ttl: { kept: 'findings', since: 'toDateTime(judged_at)' },
    copiedBy: 'holdpoint_activity_mv',
  },
  holdpoint_activity: {
    sharding: 'cityHash64(trace_id)',
    ttl: { kept: 'findings', since: 'toDateTime(judged_at)' },
  },
}

export const LOCAL = '_local'

/** Where the rows of a table lie: on a cluster behind its public name. */
export const rowsOf = (table: string, cluster: string | undefined): string =>
  cluster === undefined ? table : `${table}${LOCAL}`

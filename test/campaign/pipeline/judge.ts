import { ATTR } from '#contract'
import type { Store } from '#store'
import { pause } from '../../support/pause.ts'
import type { Expected } from './gated.ts'
import type { Acknowledged } from './load.ts'
import type { Signal } from './payloads.ts'

/** Written by the pipeline itself. */
const EVENT = 'holdpoint.approval.requested'
const TABLES: Record<Signal, string> = {
  traces: 'otel_traces',
  logs: `(SELECT * FROM otel_logs WHERE EventName != '${EVENT}')`,
  metrics: 'otel_metrics_gauge',
}
/** Every item carries sixteen digits of which the first twelve are its request's. */
const ID: Record<Signal, string> = { traces: 'SpanId', logs: 'SpanId', metrics: `Attributes['id']` }

interface Facts {
  acknowledged: readonly Acknowledged[]
  expected: readonly Expected[]
  /** Ids of requests in the ledger. */
  requested: readonly string[]
}

/** What senders were told, against what stands in the store in the end. Returns every contradiction. */
export async function judge(store: Store, { acknowledged, expected, requested }: Facts): Promise<string[]> {
  const problems: string[] = []
  for (const signal of Object.keys(TABLES) as Signal[]) {
    const sent = acknowledged.filter((request) => request.signal === signal)
    problems.push(...(await countItems(store, signal, sent)))
  }
  const traced = acknowledged.filter(({ signal }) => signal === 'traces')
  return [
    ...problems,
    ...(await checkTimes(store, traced)),
    ...(await checkFindings(store, expected)),
    ...(await checkActions(store, expected)),
    ...(await checkEvents(store, requested)),
    ...(await checkAttributes(store, expected)),
  ]
}

async function countItems(store: Store, signal: Signal, sent: readonly Acknowledged[]): Promise<string[]> {
  const rows = await store.query<{ key: string; rows: number; items: number }>(
    `SELECT substring(${ID[signal]}, 1, 12) AS key, count() AS rows, uniqExact(${ID[signal]}) AS items
     FROM ${TABLES[signal]} GROUP BY key`,
  )
  const stored = new Map(rows.map((row) => [row.key, row]))
  const problems = sent.flatMap(({ key, items }) => {
    const found = stored.get(key) ?? { rows: 0, items: 0 }
    stored.delete(key)
    return [
      ...(found.items < items ? [`${key}: ${items} ${signal} acknowledged, ${found.items} stored`] : []),
      ...(found.rows > found.items ? [`${key}: ${found.items} ${signal} stand in ${found.rows} rows`] : []),
      ...(found.items > items ? [`${key}: ${items} ${signal} sent, ${found.items} stored`] : []),
    ]
  })
  return [...problems, ...[...stored.keys()].map((key) => `${key}: ${signal} stored that nobody has sent`)]
}

/** The view's table: what it says of each trace, and for a request that is one insert that it says so once. */
async function checkTimes(store: Store, traced: readonly Acknowledged[]): Promise<string[]> {
  const rows = await store.query<{ trace: string; spans: number; rows: number; same: number }>(
    `SELECT s.TraceId AS trace, s.spans AS spans, t.rows AS rows, s.start = t.start AND s.end = t.end AS same
     FROM (SELECT TraceId, count() AS spans, toDateTime(min(Timestamp)) AS start, toDateTime(max(Timestamp)) AS end
           FROM otel_traces GROUP BY TraceId) AS s
     FULL OUTER JOIN (SELECT TraceId, count() AS rows, min(Start) AS start, max(End) AS end
           FROM otel_traces_trace_id_ts GROUP BY TraceId) AS t ON s.TraceId = t.TraceId
     WHERE NOT same OR rows != 1`,
  )
  const small = new Set(traced.filter(({ items }) => items < SURELY_ONE_INSERT).map(({ key }) => key))
  return rows.flatMap(({ trace, spans, rows, same }) => {
    const problems: string[] = []
    if (spans > 0 && rows === 0) problems.push(`trace ${trace} is missing in the table of times`)
    else if (!same) problems.push(`the times of trace ${trace} are not those of its spans`)
    if (rows > 1 && small.has(trace.slice(-12)))
      problems.push(`trace ${trace} was one insert, and the table of times has it ${rows} times`)
    return problems
  })
}

const SURELY_ONE_INSERT = 1_000
const EVENTS_WITHIN_MS = 60_000

interface Found {
  key: string
  found: string
  rows: number
}

async function checkFindings(store: Store, expected: readonly Expected[]): Promise<string[]> {
  const rows = await store.query<Found>(
    `SELECT concat(trace_id, ':', span_id) AS key, any(verification) AS found, count() AS rows
     FROM holdpoint_findings FINAL GROUP BY key`,
  )
  return compare('findings', rows, expected)
}

async function checkActions(store: Store, expected: readonly Expected[]): Promise<string[]> {
  const rows = await store.query<Found>(
    `SELECT concat(trace_id, ':', span_id) AS key, any(verification) AS found, count() AS rows
     FROM holdpoint_actions WHERE verification != '' GROUP BY key`,
  )
  return compare('actions', rows, expected)
}

function compare(what: string, rows: readonly Found[], expected: readonly Expected[]): string[] {
  const found = new Map(rows.map((row) => [row.key, row]))
  const problems = expected.flatMap(({ traceId, spanId, verification }) => {
    const key = `${traceId}:${spanId}`
    const row = found.get(key)
    found.delete(key)
    if (row === undefined) return [`${key}: ${verification}, and not among the ${what}`]
    return [
      ...(row.found === verification ? [] : [`${key}: ${verification}, and ${row.found} among the ${what}`]),
      ...(row.rows === 1 ? [] : [`${key}: ${row.rows} times among the ${what}`]),
    ]
  })
  return [...problems, ...[...found.keys()].map((key) => `${key}: among the ${what}, and no action`)]
}

/** That somebody waits stands in the logs, once for each request. They come on a way of their own, a little later. */
async function checkEvents(store: Store, requested: readonly string[]): Promise<string[]> {
  const giveUpAt = performance.now() + EVENTS_WITHIN_MS
  for (;;) {
    const rows = await store.query<{ id: string; rows: number }>(
      `SELECT LogAttributes['${ATTR.approvalId}'] AS id, count() AS rows FROM otel_logs
       WHERE EventName = '${EVENT}' GROUP BY id`,
    )
    const found = new Map(rows.map(({ id, rows }) => [id, rows]))
    const problems = requested.flatMap((id) => {
      const times = found.get(id) ?? 0
      return times === 1 ? [] : [`${id}: that it waits stands in the logs ${times} times`]
    })
    if (problems.length === 0 || performance.now() > giveUpAt) return problems
    await pause(250)
  }
}

/** A verdict on a span is the pipeline's, and where it has none nobody else's stands. */
async function checkAttributes(store: Store, expected: readonly Expected[]): Promise<string[]> {
  const name = ATTR.verification
  const spans = await store.query<Found>(
    `SELECT concat(TraceId, ':', SpanId) AS key, SpanAttributes['${name}'] AS found, 1 AS rows
     FROM otel_traces WHERE found != ''`,
  )
  const [made] = await store.query<{ up: number }>(
    `SELECT (SELECT countIf(ResourceAttributes['${name}'] != '') FROM otel_traces)
       + (SELECT countIf(LogAttributes['${name}'] != '' OR ResourceAttributes['${name}'] != '') FROM otel_logs)
       + (SELECT countIf(Attributes['${name}'] != '' OR ResourceAttributes['${name}'] != '') FROM otel_metrics_gauge)
       AS up`,
  )
  const stripped = made?.up ? [`${made.up} items carry a verdict that their sender made up`] : []
  return [...stripped, ...compare('verdicts on spans', spans, expected)]
}

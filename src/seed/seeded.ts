import { HoldpointError } from '#contract'
import { type ClickHouseTarget, createStore, type Store } from '#store'
import { type LogRecord, logBlocks } from './logs.ts'
import type { SeedOptions } from './options.ts'
import type { SeedReport } from './report.ts'
import { INSTALLATION, LEDGER, NAMESPACE } from './world/names.ts'

/** Two log records say which week a store holds: one stands there before anything else, the other after it. */
const BEGUN = 'holdpoint.seed.begun'
const DONE = 'holdpoint.seed.done'

/**
 * The report of the same week, where the store has it already; undefined where it is empty, or has a part of it.
 * Throws INVALID_INPUT where it holds another one.
 */
export async function findSeeded(store: Store, options: SeedOptions): Promise<SeedReport | undefined> {
  const marks = await store.query<{ event: string; body: string }>(
    `SELECT EventName AS event, Body AS body FROM otel_logs
     WHERE ServiceName = 'holdpoint' AND ResourceAttributes['service.namespace'] = {namespace:String}
       AND EventName IN ({begun:String}, {done:String})`,
    { namespace: NAMESPACE, begun: BEGUN, done: DONE },
  )
  const begun = marks.find(({ event }) => event === BEGUN)
  if (begun === undefined) return undefined
  if (begun.body !== JSON.stringify(options))
    throw new HoldpointError(
      'INVALID_INPUT',
      `the store holds another seeded week, of ${describe(JSON.parse(begun.body) as SeedOptions)}: seed an empty ` +
        'database, or drop this one first',
    )
  const done = marks.find(({ event }) => event === DONE)
  return done && (JSON.parse(done.body) as SeedReport)
}

const describe = ({ spans, seed, endsAtMs, incidents }: SeedOptions): string =>
  `--spans ${spans} --seed ${seed} --ends-at ${new Date(endsAtMs).toISOString()} --incidents ${incidents.join(',') || 'none'}`

export const markBegun = (store: Store, options: SeedOptions): Promise<void> =>
  mark(store, options, BEGUN, JSON.stringify(options))

export const markDone = (store: Store, report: SeedReport): Promise<void> =>
  mark(store, report.options, DONE, JSON.stringify(report))

async function mark(store: Store, options: SeedOptions, event: string, body: string): Promise<void> {
  const record: LogRecord = { atMs: options.endsAtMs, scope: 'holdpoint.seed', body, attributes: {}, event }
  for (const block of logBlocks([record]))
    await store.insertRows(block, `${event} ${JSON.stringify(options)}`)
}

/**
 * By names that only the seed uses, under domains that are nobody's. Anything real beside a made-up week could not be
 * told from it any more, by a person at least.
 */
const STRANGERS: readonly { table: string; what: string; where: string }[] = [
  ...[
    'otel_traces',
    'otel_logs',
    'otel_metrics_gauge',
    'otel_metrics_sum',
    'otel_metrics_histogram',
    'otel_metrics_exponential_histogram',
    'otel_metrics_summary',
  ].map((table) => ({
    table,
    what: 'ServiceName',
    where: `ResourceAttributes['service.namespace'] != {namespace:String}`,
  })),
  { table: 'holdpoint_ledger', what: 'origin', where: 'origin != {ledger:String}' },
  {
    table: 'holdpoint_ledger',
    what: 'agent_iss',
    where: `type = 'requested' AND agent_iss != {installation:String}`,
  },
  {
    table: 'holdpoint_findings',
    what: 'service_name',
    where: `service_name NOT IN (SELECT ServiceName FROM otel_traces GROUP BY ServiceName)`,
  },
]

/**
 * Throws INVALID_INPUT where the store holds anything that was not seeded. To be asked before anything is changed: the
 * address may be that of somebody's real store, with tables of another version.
 */
export async function refuseStrangers(target: ClickHouseTarget): Promise<void> {
  const store = createStore(target)
  try {
    await refuseRows(store, await tablesOf(store))
  } finally {
    await store.close()
  }
}

async function tablesOf(store: Store): Promise<ReadonlySet<string>> {
  try {
    const tables = await store.query<{ name: string }>(
      'SELECT name FROM system.tables WHERE database = currentDatabase()',
    )
    return new Set(tables.map(({ name }) => name))
  } catch (error) {
    if (error instanceof HoldpointError && error.message.endsWith('(UNKNOWN_DATABASE)')) return new Set()
    throw error
  }
}

async function refuseRows(store: Store, present: ReadonlySet<string>): Promise<void> {
  for (const { table, what, where } of STRANGERS.filter((one) => present.has(one.table))) {
    const [found] = await store.query<{ name: string; rows: number }>(
      `SELECT toString(any(${what})) AS name, count() AS rows FROM ${table} WHERE ${where} HAVING rows > 0`,
      { namespace: NAMESPACE, ledger: LEDGER, installation: INSTALLATION },
    )
    if (found === undefined) continue
    throw new HoldpointError(
      'INVALID_INPUT',
      `the store holds what was not seeded: ${found.rows} rows in ${table}, of ${what} ${JSON.stringify(found.name)}: ` +
        'seed an empty database (clickhouse.database, HOLDPOINT_CLICKHOUSE_DATABASE) or another data folder',
    )
  }
}

import { quoteIdentifier, quoteString } from '../engine/quote.ts'
import type { Place } from './render.ts'
import { rowsOf, TABLES } from './tables.ts'

/** What a user is for, and everything that it may do. */
interface Account {
  name: string
  why: string
  grants: string[]
  settings?: string
}

const OWN = ['holdpoint_ledger', 'holdpoint_findings']
const OTEL = Object.keys(TABLES).filter((name) => name.startsWith('otel_'))
/** The other one is written by a view. */
const WRITTEN_BY_SENDERS = OTEL.filter((name) => name !== 'otel_traces_trace_id_ts')

/**
 * Roles with exactly the rights that each process needs, and a user for each with a password of its own.
 * `password` is called once for each user; its text ends up in the output.
 */
export function userStatements(place: Place, password: () => string): string[] {
  const onCluster = place.cluster === undefined ? '' : ` ON CLUSTER ${quoteIdentifier(place.cluster)}`
  return accounts(place).flatMap(({ name, why, grants, settings }) => [
    `-- ${why}\nCREATE ROLE IF NOT EXISTS ${name}${onCluster}${settings ? ` SETTINGS ${settings}` : ''}`,
    ...grants.map((grant) => `GRANT${onCluster} ${grant} TO ${name}`),
    `CREATE USER IF NOT EXISTS ${name}_user${onCluster} IDENTIFIED WITH sha256_password BY ${quoteString(password())} DEFAULT ROLE ${name}`,
    `GRANT${onCluster} ${name} TO ${name}_user`,
  ])
}

export function accounts(place: Place): Account[] {
  const { database, cluster } = place
  const all = `${quoteIdentifier(database)}.*`
  // On a cluster a server asks the others as this user, for the tables behind the public names.
  const on = (right: string, tables: readonly string[]): string[] =>
    tables
      .flatMap((name) => [...new Set([name, rowsOf(name, cluster)])])
      .map((name) => `${right} ON ${quoteIdentifier(database)}.${quoteIdentifier(name)}`)
  // The view that notes where a trace begins and ends reads and writes as whoever inserts, on servers that know no
  // definer of a view.
  const lookup = [
    ...on('SELECT(TraceId, Timestamp)', ['otel_traces']),
    ...on('INSERT', ['otel_traces_trace_id_ts']),
  ]
  return [
    {
      name: 'holdpoint_migrator',
      why: 'For `holdpoint schema migrate`. Views that inserts fill run with its rights: keep the user.',
      grants: [
        `SHOW, SELECT, INSERT, ALTER, CREATE TABLE, CREATE VIEW, DROP TABLE, DROP VIEW ON ${all}`,
        `CREATE DATABASE ON ${all}`,
        ...(cluster === undefined ? [] : ['CLUSTER ON *.*', 'REMOTE ON *.*']),
      ],
    },
    {
      name: 'holdpoint_pipeline',
      why: 'For the pipeline: the only one that writes findings and ledger rows.',
      grants: [
        ...on('INSERT', [...WRITTEN_BY_SENDERS, ...OWN]),
        ...on('SELECT', OWN),
        ...on('SELECT', ['holdpoint_migrations']).slice(0, 1),
        ...lookup,
        // Another view of that kind: findings in the order of time.
        ...on('INSERT', ['holdpoint_activity']),
        // Whether tables are as they should be stands in system.tables, for those that one may see.
        `SHOW TABLES ON ${all}`,
      ],
    },
    {
      name: 'holdpoint_reader',
      why: 'For desks, Grafana and whoever asks. It may set how an answer looks, and write nothing.',
      grants: [`SHOW, SELECT ON ${all}`],
      settings:
        'readonly = 2, max_execution_time = 60 MAX 300, max_memory_usage = 4000000000 MAX 16000000000',
    },
    {
      name: 'holdpoint_collector',
      why: 'For a Collector with the stock exporter (create_schema: false): it may write no verdict.',
      grants: [...on('INSERT', WRITTEN_BY_SENDERS), ...lookup],
    },
  ]
}

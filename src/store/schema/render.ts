import { HoldpointError } from '#contract'
import { quoteIdentifier, quoteString } from '../engine/quote.ts'
import { LOCAL, rowsOf, TABLES } from './tables.ts'

/** Where a schema goes: one server, or every server of a cluster. */
export interface Place {
  database: string
  cluster?: string | undefined
}

/**
 * One statement of a migration as this place takes it. On a cluster each table becomes two: `…_local`, replicated
 * within a shard under the usual macros `{shard}` and `{replica}`, and the public name, which spreads rows over
 * the shards and reads from all of them. A view that is filled by inserts stands on the local tables.
 */
export function renderStatement(written: string, { database, cluster }: Place): string[] {
  const statement = withDatabase(written, database)
  if (cluster === undefined) return [statement]
  const onCluster = ` ON CLUSTER ${quoteIdentifier(cluster)}`

  const table =
    /^CREATE TABLE IF NOT EXISTS (\w+) (\([\s\S]*\)) ENGINE = (\w*MergeTree)(?:\(([^)]*)\))?(\s[\s\S]*)$/.exec(
      statement,
    )
  if (table) {
    const [, name = '', body, engine, args = '', rest] = table
    const path = [`'/clickhouse/tables/{shard}/{database}/{table}'`, `'{replica}'`, ...(args ? [args] : [])]
    const target = [
      quoteString(cluster),
      quoteString(database),
      quoteString(`${name}${LOCAL}`),
      shardingOf(name),
    ]
    return [
      `CREATE TABLE IF NOT EXISTS ${name}${LOCAL}${onCluster} ${body} ENGINE = Replicated${engine}(${path.join(', ')})${rest}`,
      `CREATE TABLE IF NOT EXISTS ${name}${onCluster} AS ${name}${LOCAL} ENGINE = Distributed(${target.join(', ')})`,
    ]
  }

  const filled =
    /^CREATE MATERIALIZED VIEW IF NOT EXISTS (\w+) TO (\w+) AS([\s\S]*?\bFROM )(\w+)([\s\S]*)$/.exec(
      statement,
    )
  if (filled) {
    const [, name, to = '', select, from = '', rest] = filled
    return [
      `CREATE MATERIALIZED VIEW IF NOT EXISTS ${name}${onCluster} TO ${rowsOf(to, cluster)} AS${select}${rowsOf(from, cluster)}${rest}`,
    ]
  }

  const view = /^CREATE OR REPLACE VIEW (\w+) AS\b([\s\S]*)$/.exec(statement)
  if (view) return [`CREATE OR REPLACE VIEW ${view[1]}${onCluster} AS${view[2]}`]

  const dropped = /^DROP (TABLE|VIEW) IF EXISTS (\w+)$/.exec(statement)
  if (dropped) {
    const [, kind, name = ''] = dropped
    // A replicated table that is dropped without SYNC keeps its place in the keeper for a while.
    const local = kind === 'TABLE' ? [`DROP TABLE IF EXISTS ${name}${LOCAL}${onCluster} SYNC`] : []
    return [`DROP ${kind} IF EXISTS ${name}${onCluster}${kind === 'TABLE' ? ' SYNC' : ''}`, ...local]
  }

  const altered = /^ALTER TABLE (\w+)\s([\s\S]*)$/.exec(statement)
  if (altered) {
    const [, name = '', change = ''] = altered
    const alter = (one: string) => `ALTER TABLE ${one}${onCluster} ${change}`
    // Only the local table has a key.
    const isOfColumns =
      /\b(ADD|DROP|MODIFY|RENAME|COMMENT) COLUMN\b/.test(change) && !/\bMODIFY ORDER BY\b/.test(change)
    return [alter(rowsOf(name, cluster)), ...(isOfColumns ? [alter(name)] : [])]
  }

  // Rows are read and written under the public names.
  if (/^INSERT INTO \w+ SELECT\b/.test(statement)) return [statement]
  throw new HoldpointError('INTERNAL', `no cluster can be given this statement: ${statement.slice(0, 80)}`)
}

/**
 * A view with parameters is called like a function, and the engine looks for it in whatever database the question
 * comes from; tables it looks for where the view is.
 */
const withDatabase = (statement: string, database: string): string =>
  statement.replaceAll(/\bFROM (holdpoint_\w+\()/g, `FROM ${quoteIdentifier(database)}.$1`)

function shardingOf(table: string): string {
  const known = TABLES[table]
  if (known) return known.sharding
  throw new HoldpointError('INTERNAL', `nothing says on which shard a row of ${table} belongs`)
}

/** Which migrations were applied. On a cluster every server of every shard has all of it. */
export function recordStatement({ cluster }: Place): string {
  const [where, engine] =
    cluster === undefined
      ? ['', 'ReplacingMergeTree(applied_at)']
      : [
          ` ON CLUSTER ${quoteIdentifier(cluster)}`,
          `ReplicatedReplacingMergeTree('/clickhouse/tables/all/{database}/{table}', '{shard}_{replica}', applied_at)`,
        ]
  return `CREATE TABLE IF NOT EXISTS holdpoint_migrations${where} (
  version UInt32,
  name String,
  sha256 String,
  applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = ${engine} ORDER BY version`
}

import type { ClickHouseClient } from '@clickhouse/client'
import { HoldpointError } from '#contract'
import { type ColumnRow, missingColumns } from './columns.ts'
import { type Migration, readMigrations } from './migrations.ts'
import { type Place, renderStatement } from './render.ts'
import { alterations, type TableRow, type TtlDays } from './settings.ts'
import { LOCAL, rowsOf, TABLES } from './tables.ts'

export interface SchemaStatus {
  /** Names of migrations. */
  applied: string[]
  missing: Migration[]
  /** Statements that make what is there as it should be: columns, settings and TTLs. */
  alterations: string[]
  isCurrent: boolean
}

interface Applied {
  version: number
  name: string
  sha256: string
}

/** Reads only. Throws UNAVAILABLE when the store is newer than this program, and INTERNAL when a migration that was applied has been edited since. */
export async function schemaStatus(
  client: ClickHouseClient,
  place: Place,
  ttlDays: TtlDays = {},
): Promise<SchemaStatus> {
  const known = await readMigrations()
  const tables = await rowsOfQuery<TableRow>(
    client,
    'SELECT name, engine, engine_full FROM system.tables WHERE database = currentDatabase()',
  )
  assertFitting(tables, place)
  const applied = tables.some(({ name }) => name === 'holdpoint_migrations')
    ? await rowsOfQuery<Applied>(
        client,
        'SELECT version, name, sha256 FROM holdpoint_migrations FINAL ORDER BY version',
      )
    : []
  assertKnown(applied, known)
  const missing = known.filter(({ version }) => !applied.some((one) => one.version === version))
  const columns = await rowsOfQuery<ColumnRow>(
    client,
    'SELECT table, name, type FROM system.columns WHERE database = currentDatabase()',
  )
  const changes = [
    ...missingColumns(columns, known, place.cluster).flatMap(({ table, change }) =>
      renderStatement(`ALTER TABLE ${table} ${change}`, place),
    ),
    ...alterations(tables, place.cluster, ttlDays),
  ]
  return {
    applied: applied.map(({ name }) => name),
    missing,
    alterations: changes,
    isCurrent: missing.length === 0 && changes.length === 0,
  }
}

export async function rowsOfQuery<Row>(client: ClickHouseClient, query: string): Promise<Row[]> {
  const result = await client.query({ query, format: 'JSONEachRow' })
  return result.json<Row>()
}

/** Tables that others made are taken as they are, as long as rows end up where they are looked for. */
function assertFitting(tables: readonly TableRow[], { cluster }: Place): void {
  for (const { name, engine } of tables) {
    const table = TABLES[name]
    if (table === undefined) continue
    if (cluster === undefined && !engine.endsWith('MergeTree'))
      throw new HoldpointError(
        'INVALID_CONFIG',
        `${name} has the engine ${engine}, and clickhouse.cluster is not set: set it, if this server is one of a cluster`,
      )
    if (cluster !== undefined && engine !== 'Distributed')
      throw new HoldpointError(
        'INVALID_CONFIG',
        `${name} lies on one server (${engine}), and clickhouse.cluster is ${cluster}: ` +
          `RENAME TABLE ${name} TO ${rowsOf(name, cluster)} ON CLUSTER ${cluster} makes it the local table of its shard` +
          (table.copiedBy === undefined
            ? ''
            : `, after DROP VIEW IF EXISTS ${table.copiedBy} ON CLUSTER ${cluster}`) +
          (engine.startsWith('Replicated')
            ? ''
            : '; it is not replicated, though: better copy its rows afterwards'),
      )
  }
  const alone = tables.find(
    ({ name }) => cluster === undefined && TABLES[name.slice(0, -LOCAL.length)] && name.endsWith(LOCAL),
  )
  if (alone)
    throw new HoldpointError(
      'INVALID_CONFIG',
      `${alone.name} belongs to a cluster, and clickhouse.cluster is not set`,
    )
}

function assertKnown(applied: readonly Applied[], known: readonly Migration[]): void {
  for (const { version, name, sha256 } of applied) {
    const ours = known.find((migration) => migration.version === version)
    if (!ours)
      throw new HoldpointError(
        'UNAVAILABLE',
        `the store has migration ${name}, which this version of Holdpoint does not know: use a newer one`,
      )
    if (ours.sha256 !== sha256)
      throw new HoldpointError(
        'INTERNAL',
        `migration ${name} was changed after it had been applied: add a new one`,
      )
  }
}

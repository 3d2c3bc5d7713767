import { quoteIdentifier, quoteString } from '../engine/quote.ts'
import { readMigrations } from './migrations.ts'
import { type Place, recordStatement, renderStatement } from './render.ts'
import { alterations, type TableRow, type TtlDays } from './settings.ts'
import { rowsOf, TABLES } from './tables.ts'

/**
 * Everything that `migrate` would run on an empty database, its own record included: whoever runs this by hand
 * has a schema that is current. Each statement can run twice.
 */
export async function schemaStatements(place: Place, ttlDays: TtlDays = {}): Promise<string[]> {
  const { database, cluster } = place
  const onCluster = cluster === undefined ? '' : ` ON CLUSTER ${quoteIdentifier(cluster)}`
  const migrations = await readMigrations()
  return [
    `CREATE DATABASE IF NOT EXISTS ${quoteIdentifier(database)}${onCluster}`,
    `USE ${quoteIdentifier(database)}`,
    recordStatement(place),
    ...migrations.flatMap(({ name, version, sha256, statements }) => [
      ...statements
        .flatMap((statement) => renderStatement(statement, place))
        .map((statement, at) => (at === 0 ? `-- ${name}\n${statement}` : statement)),
      `INSERT INTO holdpoint_migrations (version, name, sha256) VALUES (${version}, ${quoteString(name)}, ${quoteString(sha256)})`,
    ]),
    ...alterations(asIfBare(cluster), cluster, onlyEnds(ttlDays)),
  ]
}

/** Tables of which nothing is known: then everything that they should have is said. */
const asIfBare = (cluster: string | undefined): TableRow[] =>
  Object.keys(TABLES).map((name) => ({
    name: rowsOf(name, cluster),
    engine: cluster === undefined ? 'MergeTree' : 'ReplicatedMergeTree',
    engine_full: ' PARTITION BY toDate(',
  }))

/** On an empty database there is no end to take away. */
const onlyEnds = (ttlDays: TtlDays): TtlDays =>
  Object.fromEntries(Object.entries(ttlDays).filter(([, days]) => days !== undefined && days > 0))

import { setTimeout as sleep } from 'node:timers/promises'
import { type ClickHouseClient, ClickHouseError } from '@clickhouse/client'
import { HoldpointError } from '#contract'
import type { Migration } from './migrations.ts'
import { type Place, recordStatement, renderStatement } from './render.ts'
import type { TtlDays } from './settings.ts'
import { rowsOfQuery, schemaStatus } from './status.ts'

/**
 * Applies what is missing, in order, and returns the names of what it applied. Every statement can run twice, so
 * several processes at once, or one killed half-way, do no harm. Where nothing is missing, it only reads: then its
 * user needs no right to create anything. Throws what `schemaStatus` throws, and INVALID_CONFIG when the user may
 * not do what is needed or the server has no such cluster.
 */
export async function migrate(
  client: ClickHouseClient,
  place: Place,
  user: string,
  ttlDays: TtlDays = {},
): Promise<string[]> {
  const { missing, alterations, isCurrent } = await schemaStatus(client, place, ttlDays)
  if (isCurrent) return []
  const run = (query: string) => repeated(() => client.command({ query }))
  try {
    if (place.cluster !== undefined) await assertCluster(client, place.cluster)
    if (missing.length > 0) await run(recordStatement(place))
    for (const migration of missing) {
      for (const statement of migration.statements)
        for (const query of renderStatement(statement, place)) await run(query)
      await record(client, migration)
    }
    // What the migrations made has to be looked at, too.
    const now = missing.length > 0 ? await schemaStatus(client, place, ttlDays) : { alterations }
    for (const query of now.alterations) await run(query)
  } catch (cause) {
    throw isRefusal(cause) ? forbidden(cause, user, missing, alterations) : cause
  }
  return missing.map(({ name }) => name)
}

const record = (client: ClickHouseClient, { version, name, sha256 }: Migration) =>
  client.insert({
    table: 'holdpoint_migrations',
    values: [{ version, name, sha256 }],
    format: 'JSONEachRow',
  })

/** What a statement meets when another process is at the same one: it is there by now, or not any more, or held. */
const CROSSED = new Set([
  '15',
  '44',
  '57',
  '60',
  '82',
  '253',
  '305',
  '319',
  '473',
  '517',
  '571',
  '741',
  '999',
])
const ATTEMPTS = 8

async function repeated(run: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt++)
    try {
      await run()
      return
    } catch (error) {
      if (!(error instanceof ClickHouseError) || !CROSSED.has(error.code) || attempt === ATTEMPTS) throw error
      await sleep(50 * attempt + 50 * Math.random())
    }
}

const isRefusal = (cause: unknown): cause is ClickHouseError =>
  cause instanceof ClickHouseError && (cause.code === '497' || cause.code === '164')

const forbidden = (cause: ClickHouseError, user: string, missing: Migration[], changes: string[]) =>
  new HoldpointError(
    'INVALID_CONFIG',
    `the schema is behind (${[...missing.map(({ name }) => name), ...changes].join(', ')}), and the user ${user} may not ` +
      'change it: run `holdpoint schema migrate` as one that may, such as the migrator of `holdpoint schema print --users`',
    { cause },
  )

/** What `ON CLUSTER` and the tables need of the servers' own configuration. */
async function assertCluster(client: ClickHouseClient, cluster: string): Promise<void> {
  const servers = await rowsOfQuery<{ cluster: string; replicas: number; own: number }>(
    client,
    'SELECT cluster, toUInt32(count()) AS replicas, min(internal_replication) AS own FROM system.clusters GROUP BY cluster ORDER BY cluster',
  )
  const found = servers.find((one) => one.cluster === cluster)
  if (!found)
    throw new HoldpointError(
      'INVALID_CONFIG',
      `clickhouse.cluster is ${cluster}, which the server does not know; it knows ${servers.map((one) => one.cluster).join(', ') || 'none'}`,
    )
  if (Number(found.own) === 0 && found.replicas > 1)
    throw new HoldpointError(
      'INVALID_CONFIG',
      `cluster ${cluster} has internal_replication off: then every row is sent to every replica, and one that is away keeps all waiting. Set it in remote_servers`,
    )
  const macros = await rowsOfQuery<{ macro: string }>(client, 'SELECT macro FROM system.macros')
  for (const name of ['shard', 'replica'])
    if (!macros.some(({ macro }) => macro === name))
      throw new HoldpointError('INVALID_CONFIG', `the server has no macro {${name}}: set it in its macros`)
}

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client'
import { createLog } from '#runtime'
import { type ClickHouseTarget, createEngine, type Engine } from '#store'
import { fillMigrated } from '../support/migrated.ts'

export const silent = createLog({ name: 'test', level: 'silent', write: () => {} })

export interface RunningEngine {
  engine: Engine
  dataDir: string
  stop(): Promise<void>
}

/** Preset: nothing is in it. `migrated`: the tables are there, as `migrate` has made them before. */
export async function startEngine({ migrated = false } = {}): Promise<RunningEngine> {
  const dataDir = await mkdtemp(join(tmpdir(), 'holdpoint-store-'))
  if (migrated) await fillMigrated(dataDir)
  const engine = createEngine({ dataDir, port: 0, database: 'holdpoint' }, { log: silent })
  await engine.start()
  return {
    engine,
    dataDir,
    async stop() {
      await engine.stop()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

export const clientOf = (
  target: ClickHouseTarget,
  settings: Record<string, string | number> = {},
): ClickHouseClient =>
  createClient({
    url: target.url,
    username: target.user,
    password: target.password,
    database: target.database,
    clickhouse_settings: settings,
    log: { level: ClickHouseLogLevel.OFF },
  })

export interface AskOptions {
  /** Of the URL. */
  params?: string
  headers?: Record<string, string>
}

/** Without a client between: as anybody may send it. `code` is the engine's own, of an error. */
export async function askAs({ url, user, password }: ClickHouseTarget, sql: string, options: AskOptions) {
  const response = await fetch(`${url}/?${options.params ?? ''}`, {
    method: 'POST',
    body: sql,
    headers: { 'X-ClickHouse-User': user, 'X-ClickHouse-Key': password, ...options.headers },
  })
  return {
    status: response.status,
    text: await response.text(),
    code: response.headers.get('x-clickhouse-exception-code'),
  }
}

/** As a database that nobody has used: quicker than another engine. */
export async function emptyDatabase(target: ClickHouseTarget): Promise<void> {
  const client = clientOf(target)
  const query =
    "SELECT name FROM system.tables WHERE database = currentDatabase() ORDER BY engine LIKE '%View' DESC"
  const tables = await (await client.query({ query, format: 'JSONEachRow' })).json<{ name: string }>()
  for (const { name } of tables) await client.command({ query: `DROP TABLE IF EXISTS ${name} SYNC` })
  await client.close()
}

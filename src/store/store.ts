import { Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import zlib from 'node:zlib'
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client'
import type { ClickHouseTarget } from './engine/engine.ts'
import { told, toldOfInsert } from './errors.ts'
import { LEDGER_COLUMNS, type LedgerRow } from './ledger-rows.ts'
import { FINDING_COLUMNS, type FindingRow, toStoredFinding } from './rows.ts'
import { migrate } from './schema/migrate.ts'
import type { TtlDays } from './schema/settings.ts'
import { type SchemaStatus, schemaStatus } from './schema/status.ts'

/**
 * ClickHouse as Holdpoint uses it. `token` names a batch: the same rows under the same token again are stored
 * once, in the tables that a view feeds too (the last 10,000 batches of a table are remembered).
 * Every call throws UNAVAILABLE, retryable, when ClickHouse cannot be reached or is overloaded, and
 * INVALID_INPUT when it refuses the statement or the data. What only an operator can mend, such as a missing right
 * or table, is passing for an insert: its rows are none the worse.
 */
export interface Store {
  insertRows(block: RowBlock, token: string): Promise<void>
  insertLedger(rows: readonly LedgerRow[], token: string): Promise<void>
  insertFindings(rows: readonly FindingRow[], token: string): Promise<void>
  /** `params` fill `{name:Type}`; 64-bit integers arrive as numbers: cast to String what may exceed 2^53. */
  query<Row = Record<string, unknown>>(sql: string, params?: Record<string, unknown>): Promise<Row[]>
  /** Names of the migrations applied now. Reads only, where the schema is current. */
  migrate(schema?: SchemaConfig): Promise<string[]>
  schemaStatus(schema?: SchemaConfig): Promise<SchemaStatus>
  ping(): Promise<boolean>
  close(): Promise<void>
}

/** As `clickhouse` in the configuration says it. */
export interface SchemaConfig {
  cluster?: string | undefined
  ttlDays?: TtlDays
}

/** Rows in RowBinary: the values of `columns`, one row after the other. */
export interface RowBlock {
  table: string
  columns: readonly string[]
  rows: number
  data: Uint8Array
}

export function createStore(target: ClickHouseTarget): Store {
  const { database } = target
  const client = clientOf(target, 60_000)

  return {
    insertRows: (block, token) => insertBlock(client, block, token),
    insertLedger: (rows, token) => insert(client, 'holdpoint_ledger', LEDGER_COLUMNS, rows, token),
    insertFindings: (rows, token) =>
      insert(client, 'holdpoint_findings', FINDING_COLUMNS, rows.map(toStoredFinding), token),
    query: (sql, params = {}) =>
      told(async () => {
        const result = await client.query({
          query: sql,
          query_params: params,
          format: 'JSONEachRow',
          clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
        })
        return result.json()
      }),
    migrate: ({ cluster, ttlDays } = {}) =>
      told(() => withDdlClient(target, (ddl) => migrate(ddl, { database, cluster }, target.user, ttlDays))),
    schemaStatus: ({ cluster, ttlDays } = {}) =>
      told(() => schemaStatus(client, { database, cluster }, ttlDays)),
    ping: async () => (await client.ping()).success,
    close: () => client.close(),
  }
}

function clientOf(target: ClickHouseTarget, timeoutMs: number): ClickHouseClient {
  const compress = !isLoopback(target.url)
  return createClient({
    url: target.url,
    username: target.user,
    password: target.password,
    database: target.database,
    application: 'holdpoint',
    // What goes wrong is thrown; the client would print it as well.
    log: { level: ClickHouseLogLevel.OFF },
    request_timeout: timeoutMs,
    compression: { request: compress && COMPRESSION, response: compress },
  })
}

/** Its quickest: what is sent is written once and read once. ClickHouse takes either; zstd needs Node 22.15. */
const COMPRESSION = { codec: 'createZstdCompress' in zlib ? 'zstd' : 'gzip', level: 1 } as const

/** A cluster's servers take a change one after the other: it answers after 180 seconds at the latest. */
async function withDdlClient<T>(
  target: ClickHouseTarget,
  run: (client: ClickHouseClient) => Promise<T>,
): Promise<T> {
  const client = clientOf(target, 200_000)
  try {
    return await run(client)
  } finally {
    await client.close()
  }
}

/** Positions instead of names: half the bytes. */
async function insert<Row extends object>(
  client: ClickHouseClient,
  table: string,
  columns: readonly (keyof Row & string)[],
  rows: readonly Row[],
  token: string,
): Promise<void> {
  if (rows.length === 0) return
  await toldOfInsert(() =>
    client.insert({
      table,
      columns: columns.map((column) => `\`${column}\``) as [string, ...string[]],
      values: rows.map((row) => columns.map((column) => row[column])),
      format: 'JSONCompactEachRow',
      clickhouse_settings: onceUnder(token),
    }),
  )
}

async function insertBlock(
  client: ClickHouseClient,
  { table, columns, rows, data }: RowBlock,
  token: string,
): Promise<void> {
  if (rows === 0) return
  const names = columns.map((column) => `\`${column}\``).join(', ')
  await toldOfInsert(async () => {
    const { stream } = await client.exec({
      query: `INSERT INTO ${table} (${names}) FORMAT RowBinary`,
      values: Readable.from([data], { objectMode: false }),
      clickhouse_settings: onceUnder(token),
    })
    stream.resume()
    await finished(stream)
  })
}

const onceUnder = (token: string) => ({
  // An asynchronous insert would be acknowledged by another rule, and loses the token.
  async_insert: 0 as const,
  insert_deduplicate: 1 as const,
  insert_deduplication_token: token,
  deduplicate_blocks_in_dependent_materialized_views: 1 as const,
  // On a cluster: answered when every shard that gets rows has them, and not when they lie in a folder to be sent.
  distributed_foreground_insert: 1 as const,
})

const isLoopback = (url: string): boolean =>
  /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(url).hostname)

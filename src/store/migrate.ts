import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import type { ClickHouseClient } from '@clickhouse/client'
import { HoldpointError } from '#contract'

const FOLDER = new URL('./sql/', import.meta.url)

const RECORD = `CREATE TABLE IF NOT EXISTS holdpoint_migrations (
  version UInt32,
  name String,
  sha256 String,
  applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = ReplacingMergeTree(applied_at) ORDER BY version`

export interface Migration {
  version: number
  name: string
  sha256: string
  statements: string[]
}

/**
 * Applies what is missing, in order, and returns the names of what it applied. Every statement can run twice, so
 * two processes at once, or one killed half-way, do no harm. Throws UNAVAILABLE when the store is newer than
 * this program, and INTERNAL when a migration that was applied has been edited since.
 */
export async function migrate(client: ClickHouseClient): Promise<string[]> {
  const migrations = await readMigrations()
  await client.command({ query: RECORD })
  const rows = await client.query({
    query: 'SELECT version, name, sha256 FROM holdpoint_migrations FINAL ORDER BY version',
    format: 'JSONEachRow',
  })
  const applied = new Map(
    (await rows.json<{ version: number; name: string; sha256: string }>()).map((row) => [row.version, row]),
  )
  assertKnown([...applied.values()], migrations)
  const done: string[] = []
  for (const { version, name, sha256, statements } of migrations) {
    if (applied.has(version)) continue
    for (const query of statements) await client.command({ query })
    await client.insert({
      table: 'holdpoint_migrations',
      values: [{ version, name, sha256 }],
      format: 'JSONEachRow',
    })
    done.push(name)
  }
  return done
}

export async function readMigrations(folder: URL = FOLDER): Promise<Migration[]> {
  const files = (await readdir(folder)).filter((file) => /^\d{3}-.*\.sql$/.test(file)).sort()
  return Promise.all(
    files.map(async (file) => {
      const text = await readFile(new URL(file, folder), 'utf8')
      return {
        version: Number(file.slice(0, 3)),
        name: file.replace(/\.sql$/, ''),
        sha256: createHash('sha256').update(text).digest('hex'),
        statements: splitStatements(text),
      }
    }),
  )
}

/** Our own files end a statement with a semicolon at the end of a line, and a comment has its own line. */
const splitStatements = (text: string): string[] =>
  text
    .replace(/^\s*--.*$/gm, '')
    .split(/;[ \t]*$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '')

function assertKnown(applied: { version: number; name: string; sha256: string }[], known: Migration[]): void {
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

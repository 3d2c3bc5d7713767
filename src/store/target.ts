import { join, resolve } from 'node:path'
import { HoldpointError } from '#contract'
import { type Config, type Io, readConfig, readRunning } from '#runtime'
import type { ClickHouseTarget } from './engine/engine.ts'

/** The ClickHouse that is configured, as its configured user. */
export function configuredTarget({ clickhouse }: Config): ClickHouseTarget | undefined {
  const { url, user = 'default', password = '', database } = clickhouse
  return url === undefined ? undefined : { url, user, password, database }
}

/** The configured ClickHouse; without one, the running `holdpoint up` says in its data folder where its reader is. */
export function findTarget(io: Io, folder?: string): ClickHouseTarget {
  const config = readConfig({ env: io.env, cwd: io.cwd })
  const configured = folder === undefined ? configuredTarget(config) : undefined
  if (configured) return configured
  const dir = folder === undefined ? config.dataDir : resolve(io.cwd, folder)
  const running = readRunning(dir)
  if (!running)
    throw new HoldpointError(
      'NOT_FOUND',
      `nothing runs from ${dir}: start \`holdpoint up\`, name its folder with --data, or set clickhouse.url`,
    )
  const { url, user, password, database } = running.clickhouse ?? {}
  if ([url, user, password, database].every((value) => typeof value === 'string')) return running.clickhouse
  const file = join(dir, 'runtime.json')
  throw new HoldpointError('INVALID_INPUT', `${file}: clickhouse: expected {url, user, password, database}`)
}

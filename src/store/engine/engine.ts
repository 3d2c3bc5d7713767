import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import { HoldpointError } from '#contract'
import { type Component, freePort, type Log } from '#runtime'
import { type EngineFailure, type EngineProcess, spawnEngine } from './process.ts'
import { READER, WRITER } from './protocol.ts'

export interface EngineConfig {
  /** Belongs to one engine at a time. */
  dataDir: string
  /** The first free one from here up is taken; 0 means any. */
  port: number
  database: string
}

export interface EngineDeps {
  log: Log
  /** Called once when the process ends without having been asked to. */
  onFailure?(error: HoldpointError): void
}

/** Where and as whom ClickHouse is reached; what `@clickhouse/client` needs. */
export interface ClickHouseTarget {
  url: string
  user: string
  password: string
  database: string
}

export interface Engine extends Component {
  /** Known from `start` on, like `writer`, `reader` and `pid`. */
  readonly url: string
  /** May create tables and write; keep it inside Holdpoint. */
  readonly writer: ClickHouseTarget
  /** Can only read; made for people and dashboards. */
  readonly reader: ClickHouseTarget
  readonly pid: number
}

/**
 * ClickHouse from npm (chdb) in a process of its own, behind ClickHouse's HTTP interface on loopback: a real
 * server's URL can take its place. `start` throws UNAVAILABLE when chdb is not installed, when the folder is in
 * use, or when the engine does not come up.
 */
export function createEngine(config: EngineConfig, deps: EngineDeps): Engine {
  const dataDir = resolve(config.dataDir)
  const writerPassword = randomBytes(24).toString('base64url')
  const readerPassword = randomBytes(24).toString('base64url')
  let child: EngineProcess | undefined
  let url: string | undefined
  let stopping: Promise<void> | undefined

  const known = (): string => {
    if (url === undefined) throw new HoldpointError('INTERNAL', 'the embedded engine has not been started')
    return url
  }
  const target = (user: string, password: string) => ({
    url: known(),
    user,
    password,
    database: config.database,
  })

  async function start(): Promise<void> {
    stopping = undefined
    await mkdir(dataDir, { recursive: true, mode: 0o700 })
    for (let attempt = 0; ; attempt++) {
      const port = await freePort(config.port === 0 ? 0 : config.port + attempt)
      child = spawnEngine(dataDir, deps.log)
      const { database } = config
      const answer = await child.start({ dataDir, port, database, writerPassword, readerPassword })
      if (answer.type === 'ready') {
        url = `http://127.0.0.1:${port}`
        void child.ended.then(report)
        deps.log.info('the embedded ClickHouse is ready', { url, version: answer.version, pid: child.pid })
        return
      }
      // Somebody took the port after it was found free.
      if (answer.reason !== 'port-taken' || attempt === 20) throw failure(answer, dataDir)
    }
  }

  function report(how: string): void {
    if (stopping) return
    const error = new HoldpointError('UNAVAILABLE', `the embedded ClickHouse ended by itself (${how})`)
    deps.log.error(error.message)
    deps.onFailure?.(error)
  }

  return {
    name: 'clickhouse',
    start,
    stop() {
      stopping ??= child ? child.stop() : Promise.resolve()
      return stopping
    },
    get url() {
      return known()
    },
    get writer() {
      return target(WRITER, writerPassword)
    },
    get reader() {
      return target(READER, readerPassword)
    },
    get pid() {
      known()
      return child?.pid ?? 0
    },
  }
}

function failure({ reason, message }: EngineFailure, dataDir: string): HoldpointError {
  const text = {
    'not-installed':
      'the embedded ClickHouse needs the package chdb, which is not installed or has no build for this system: ' +
      'npm install chdb, or set clickhouse.url to a ClickHouse server',
    locked: `another process uses the ClickHouse data in ${dataDir}: stop it, or choose another data folder`,
    'port-taken': 'no free port was found for the embedded ClickHouse',
    other: `the embedded ClickHouse could not start: ${message}`,
  }[reason]
  return new HoldpointError('UNAVAILABLE', text, { cause: new Error(message) })
}

import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { HoldpointError } from '#contract'
import { type Component, freePort, type Log } from '#runtime'
import type { ChildMessage, FailureReason, ParentMessage } from './protocol.ts'
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

const START_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 20_000

/**
 * ClickHouse from npm (chdb) in a process of its own, behind ClickHouse's HTTP interface on loopback: a real
 * server's URL can take its place. `start` throws UNAVAILABLE when chdb is not installed, when the folder is in
 * use, or when the engine does not come up.
 */
export function createEngine(config: EngineConfig, deps: EngineDeps): Engine {
  const writerPassword = randomBytes(24).toString('base64url')
  const readerPassword = randomBytes(24).toString('base64url')
  let child: ChildProcess | undefined
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
    await mkdir(config.dataDir, { recursive: true, mode: 0o700 })
    for (let wanted = config.port; ; wanted++) {
      const port = await freePort(wanted)
      const said: string[] = []
      const started = spawnChild((text) => said.push(text))
      child = started
      const answer = await ask(started, {
        type: 'start',
        dataDir: config.dataDir,
        port,
        database: config.database,
        writerPassword,
        readerPassword,
      })
      if (answer.type === 'ready') {
        url = `http://127.0.0.1:${port}`
        watch(started)
        deps.log.info('the embedded ClickHouse is ready', { url, version: answer.version, pid: started.pid })
        return
      }
      await ended(started)
      // Somebody took the port after it was found free.
      if (answer.reason === 'port-taken' && wanted < config.port + 20) continue
      // The addon says only that it failed; why stands in what the engine printed.
      const printed = said.join('').trim()
      const reason = /Cannot lock file/.test(printed) ? 'locked' : answer.reason
      throw failure(reason, [answer.message, printed].join('\n').trim(), config.dataDir)
    }
  }

  function watch(started: ChildProcess): void {
    started.once('exit', (code, signal) => {
      if (stopping) return
      const how = signal ? `signal ${signal}` : `exit code ${code}`
      const error = new HoldpointError('UNAVAILABLE', `the embedded ClickHouse ended by itself (${how})`)
      deps.log.error(error.message, { code, signal })
      deps.onFailure?.(error)
    })
  }

  function spawnChild(onText: (text: string) => void): ChildProcess {
    const started = fork(CHILD, [], {
      // Whatever secrets this process has in its environment, the engine does not get them.
      env: { TZ: 'UTC', LANG: 'C.UTF-8', UV_THREADPOOL_SIZE: '16', TMPDIR: config.dataDir },
      execArgv: [],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    let booting = true
    started.once('message', () => {
      booting = false
    })
    for (const stream of [started.stdout, started.stderr])
      stream?.on('data', (chunk: Buffer) => {
        if (booting) onText(chunk.toString())
        deps.log.debug('from the engine', { text: chunk.toString().trim() })
      })
    return started
  }

  return {
    name: 'clickhouse',
    start,
    stop() {
      stopping ??= child ? stopChild(child) : Promise.resolve()
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
      return child?.pid as number
    },
  }
}

const CHILD = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? './child.ts' : './child.js', import.meta.url),
)

type Answer = { type: 'ready'; version: string } | { type: 'failed'; reason: FailureReason; message: string }

function ask(child: ChildProcess, message: ParentMessage): Promise<Answer> {
  return new Promise((resolve) => {
    const giveUp = (message: string) => finish({ type: 'failed', reason: 'other', message })
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      giveUp(`not ready after ${START_TIMEOUT_MS / 1000} s`)
    }, START_TIMEOUT_MS)
    const onExit = (code: number | null, signal: string | null) => giveUp(`it ended with ${signal ?? code}`)
    const onMessage = (answer: ChildMessage) => {
      if (answer.type !== 'stopped') finish(answer)
    }
    const finish = (answer: Answer) => {
      clearTimeout(timer)
      child.off('exit', onExit).off('message', onMessage)
      resolve(answer)
    }
    child
      .once('exit', onExit)
      .on('message', onMessage)
      .once('error', (error) => giveUp(error.message))
    child.send(message, (error) => error && giveUp(error.message))
  })
}

function failure(reason: FailureReason, message: string, dataDir: string): HoldpointError {
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

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  if (child.connected) child.send({ type: 'stop' } satisfies ParentMessage, () => {})
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
  await ended(child)
  clearTimeout(timer)
}

const ended = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve()
    else child.once('exit', () => resolve())
  })

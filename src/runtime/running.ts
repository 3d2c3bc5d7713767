import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { HoldpointError } from '#contract'

/** Where the processes of one `holdpoint up` are to be found: ports are chosen at start, so they are written down. */
export interface Running {
  pid: number
  nats: { url: string }
  /** Sign-in for development. */
  identity?: { url: string }
  /** For reading alone. */
  clickhouse: { url: string; user: string; password: string; database: string }
  /** Over HTTP, and over gRPC. */
  otlp: { url: string; grpcUrl?: string }
  /** Console and REST. */
  http?: { url: string }
}

const FILE = 'runtime.json'

export function writeRunning(dataDir: string, running: Running): void {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const draft = join(dataDir, `${FILE}.${process.pid}`)
  writeFileSync(draft, JSON.stringify(running, null, 2), { mode: 0o600 })
  renameSync(draft, join(dataDir, FILE))
}

export const clearRunning = (dataDir: string): void => rmSync(join(dataDir, FILE), { force: true })

/** What `holdpoint up` left in this data folder, if it is still alive. */
export function readRunning(dataDir: string): Running | undefined {
  const file = join(dataDir, FILE)
  if (!existsSync(file)) return undefined
  const running = read(file)
  return isAlive(running.pid) ? running : undefined
}

function read(file: string): Running {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Running
  } catch (cause) {
    throw new HoldpointError(
      'INVALID_CONFIG',
      `${file} cannot be read; remove it and start \`holdpoint up\` again`,
      {
        cause,
      },
    )
  }
}

/** Throws UNAVAILABLE, saying what to start. */
export function requireRunning(dataDir: string): Running {
  const running = readRunning(dataDir)
  if (running) return running
  throw new HoldpointError(
    'UNAVAILABLE',
    `nothing runs from ${dataDir}: start \`holdpoint up\`, or configure where things are`,
  )
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

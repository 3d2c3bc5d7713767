import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { HoldpointError } from '#contract'

const projectRoot = resolve(import.meta.dirname, '../..')
const program = process.platform === 'win32' ? 'nats-server.exe' : 'nats-server'

/**
 * The nats-server to start: HOLDPOINT_NATS_SERVER, else the one that set-up put into the project's cache,
 * else the one on the PATH. Throws UNAVAILABLE saying how to get one.
 */
export function findNatsServer(env: NodeJS.ProcessEnv = process.env): string {
  const named = env.HOLDPOINT_NATS_SERVER
  if (named) {
    if (isExecutable(named)) return named
    throw new HoldpointError('UNAVAILABLE', `HOLDPOINT_NATS_SERVER is ${named}, which cannot be executed`)
  }
  const cache = resolve(projectRoot, env.HOLDPOINT_CACHE || '.cache')
  const onPath = (env.PATH ?? '').split(delimiter).filter((folder) => folder !== '')
  const found = [cache, ...onPath].map((folder) => join(folder, program)).find(isExecutable)
  if (found) return found
  throw new HoldpointError(
    'UNAVAILABLE',
    'no nats-server was found. Run `node src/main/setup.mjs` in a clone, put one on your PATH, ' +
      'or point HOLDPOINT_NATS_SERVER to it',
  )
}

/**
 * `2.15.1`. Servers before 2.10 do not know `sync_interval: always`, and refuse to start on it; those before
 * 2.12.15 are for a demo alone. Throws UNAVAILABLE when the program is something else.
 */
export function natsServerVersion(path: string = findNatsServer()): string {
  const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8', timeout: 10_000 })
  const version = /v(\d+\.\d+\.\d+)/.exec(stdout ?? '')?.[1]
  if (version) return version
  throw new HoldpointError('UNAVAILABLE', `${path} is no nats-server: it does not say its version`)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

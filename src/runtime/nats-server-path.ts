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

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

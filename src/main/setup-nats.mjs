import { spawnSync } from 'node:child_process'
import {
  accessSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { delimiter, join } from 'node:path'

export const WANTED = '2.15.1'
const exe = process.platform === 'win32' ? 'nats-server.exe' : 'nats-server'

/**
 * Sees to it that `cache`/nats-server can be started: a found one is linked there, a missing one is built or
 * fetched there. The system itself is never changed. Returns { path, version }.
 */
export function ensureNatsServer({ cache, env, say }) {
  const named = env.HOLDPOINT_NATS_SERVER
  if (named) return checkNamed(named)
  const inCache = join(cache, exe)
  const cached = versionOf(inCache)
  if (cached) return warnIfOld({ path: inCache, version: cached }, say)
  mkdirSync(cache, { recursive: true })

  const onPath = findOnPath(env)
  if (onPath && isFit(onPath.version)) return link(onPath.path, inCache)
  const built = build({ cache, inCache, env, say })
  if (built) return built
  if (onPath) return warnIfOld(link(onPath.path, inCache), say)
  const fetched = fetchFromApt({ cache, inCache, env, say })
  if (fetched) return warnIfOld(fetched, say)
  throw new Error(
    `nats-server ${WANTED} is needed and was not found. One of these will do:\n` +
      '  - install Go (https://go.dev/dl), and this set-up builds it;\n' +
      '  - put nats-server on your PATH (https://github.com/nats-io/nats-server/releases);\n' +
      '  - point HOLDPOINT_NATS_SERVER to it.',
  )
}

/**
 * Older servers lose acknowledged writes or let two writers win, or carry published vulnerabilities, so that
 * nothing can be claimed about a decision made on them: 2.12.15, 2.14.5 and 2.15 are the first that are fit.
 */
export function isFit(version) {
  const [major, minor, patch] = version.split('.').map(Number)
  if (major !== 2) return major > 2
  return minor >= 15 || (minor === 14 && patch >= 5) || (minor === 12 && patch >= 15)
}

/** `undefined` when there is no such program or it is something else. */
export function versionOf(path) {
  if (!isExecutable(path)) return undefined
  const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8', timeout: 10_000 })
  return /v(\d+\.\d+\.\d+)/.exec(stdout ?? '')?.[1]
}

function checkNamed(path) {
  const version = versionOf(path)
  if (version) return { path, version }
  throw new Error(`HOLDPOINT_NATS_SERVER is ${path}, which is no nats-server that can be started.`)
}

function findOnPath(env) {
  for (const folder of (env.PATH ?? '').split(delimiter)) {
    const path = join(folder, exe)
    const version = folder === '' ? undefined : versionOf(path)
    if (version) return { path, version }
  }
  return undefined
}

function build({ cache, inCache, env, say }) {
  if (spawnSync('go', ['version'], { env }).status !== 0) return undefined
  say(`building nats-server ${WANTED} with Go into ${cache} (the first time takes a minute or two)`)
  const { status } = spawnSync('go', ['install', '-v', `github.com/nats-io/nats-server/v2@v${WANTED}`], {
    cwd: cache,
    env: { ...env, GOBIN: cache },
    stdio: ['ignore', 2, 2],
  })
  const version = status === 0 ? versionOf(inCache) : undefined
  if (!version) say('Go could not build it; what it printed above says why. Looking further.')
  return version ? { path: inCache, version } : undefined
}

function fetchFromApt({ cache, inCache, env, say }) {
  if (process.platform !== 'linux' || spawnSync('apt-get', ['--version'], { env }).status !== 0)
    return undefined
  say(`fetching the distribution's nats-server into ${cache}`)
  const folder = join(cache, 'apt')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const options = { cwd: folder, env, stdio: ['ignore', 2, 2], timeout: 180_000 }
  if (spawnSync('apt-get', ['download', 'nats-server'], options).status !== 0) return undefined
  const archive = readdirSync(folder).find((name) => name.endsWith('.deb'))
  if (!archive || spawnSync('dpkg', ['-x', archive, '.'], options).status !== 0) return undefined
  const unpacked = join(folder, 'usr', 'sbin', exe)
  return versionOf(unpacked) ? link(unpacked, inCache) : undefined
}

function link(from, to) {
  rmSync(to, { force: true })
  if (process.platform === 'win32') copyFileSync(from, to)
  else symlinkSync(from, to)
  return { path: to, version: versionOf(to) }
}

function warnIfOld(found, say) {
  if (!isFit(found.version))
    say(
      `WARNING: nats-server ${found.version} may run the demo and nothing else. It can lose acknowledged decisions; ` +
        `never use it in production. Wanted is ${WANTED}; remove ${found.path} to look for it again.`,
    )
  return found
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK)
    return existsSync(path)
  } catch {
    return false
  }
}

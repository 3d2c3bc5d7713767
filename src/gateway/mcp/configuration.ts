import { readFileSync } from 'node:fs'
import { homedir, hostname } from 'node:os'
import { basename, extname, join, resolve } from 'node:path'
import { AGENT_ID, HoldpointError } from '#contract'
import type { GateConfig } from '#gate'
import { type Config, type Io, readConfig, readRunning } from '#runtime'

/**
 * The house's configuration, by variables and HOLDPOINT_CONFIG alone. The folder in which a client starts its servers
 * is often one that the agent may write: a `holdpoint.yaml` found there would let it choose its own broker.
 */
export function readGatewayConfig({ env, cwd }: Io): Config {
  const { HOLDPOINT_CONFIG: named, HOLDPOINT_DATA_DIR: dataDir = '' } = env
  if (named) return readConfig({ env: { ...env, HOLDPOINT_CONFIG: resolve(cwd, named) }, cwd: homedir() })
  const folder = resolve(cwd, dataDir || join(homedir(), '.holdpoint'))
  return readConfig({ env: { ...env, HOLDPOINT_DATA_DIR: folder }, cwd: ONLY_THE_SYSTEMS })
}

const ONLY_THE_SYSTEMS = '/'

/** Throws one INVALID_CONFIG that names every variable that is missing or wrong, and what was expected. */
export function gateConfigOf({ env, cwd }: Io, config: Config): GateConfig {
  const problems: string[] = []
  const need = (variable: string, value: string | undefined, expected: string): string => {
    if (value === undefined || value === '') problems.push(`${variable} is missing, expected ${expected}`)
    return value ?? ''
  }
  const natsUrl = need(
    'HOLDPOINT_NATS_URL',
    config.nats.url ?? readRunning(config.dataDir)?.nats.url,
    'nats://host:port or tls://host:port, or several with commas',
  )
  const agentId = need(
    'HOLDPOINT_AGENT',
    env.HOLDPOINT_AGENT?.trim(),
    'the name that `holdpoint agent add` registered',
  )
  if (agentId !== '' && !AGENT_ID.test(agentId))
    problems.push('HOLDPOINT_AGENT is no name of an agent: lower-case letters, digits, - and _')
  const pin = need(
    'HOLDPOINT_PIN',
    config.pin,
    'the organisation’s public key, as `holdpoint agent add` prints it',
  )
  if (pin !== '' && !PIN.test(pin)) problems.push('HOLDPOINT_PIN is no pin: ed25519: and 43 letters')
  const file = env.HOLDPOINT_CREDENTIALS?.trim() || config.nats.credentials
  const credentials = need(
    'HOLDPOINT_CREDENTIALS',
    file,
    'the credentials file that `holdpoint agent add` wrote',
  )
  const read = credentials === '' ? '' : readCredentials(resolve(cwd, credentials), problems)
  if (problems.length > 0)
    throw new HoldpointError(
      'INVALID_CONFIG',
      `the gateway cannot ask anybody, so the server is not started:\n  ${problems.join('\n  ')}`,
    )
  return {
    natsUrl,
    agentId,
    pin,
    credentials: read,
    serviceName: env.OTEL_SERVICE_NAME || agentId,
    host: hostname(),
  }
}

const PIN = /^ed25519:[A-Za-z0-9_-]{43}$/

function readCredentials(path: string, problems: string[]): string {
  try {
    const text = readFileSync(path, 'utf8')
    if (/BEGIN NATS USER JWT/.test(text) && /BEGIN USER NKEY SEED/.test(text)) return text
    problems.push(`HOLDPOINT_CREDENTIALS: ${path} holds no NATS credentials`)
  } catch (error) {
    problems.push(`HOLDPOINT_CREDENTIALS: ${path} cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
  return ''
}

export const SERVER_NAME = /^[A-Za-z0-9@][\w.@/-]{0,99}$/

/** One file for each server; the name cannot lead out of the folder. */
export const pinFileOf = (
  name: string,
  { dataDir }: Config,
  given: string | undefined,
  cwd: string,
): string =>
  given === undefined ? join(dataDir, 'mcp-pins', `${encodeURIComponent(name)}.json`) : resolve(cwd, given)

const LAUNCHERS: ReadonlySet<string> = new Set([
  'node',
  'npx',
  'npm',
  'pnpm',
  'bun',
  'bunx',
  'deno',
  'python',
  'python3',
  'uv',
  'uvx',
  'pipx',
])
/** What may stand between a launcher and what it launches; another option may have a value, which would be no name. */
const BETWEEN: ReadonlySet<string> = new Set([
  'run',
  'exec',
  'dlx',
  'tool',
  '-y',
  '--yes',
  '-q',
  '--quiet',
  '-m',
])
/** What anybody's server may be called: two of them must not share their pins. */
const ANYBODYS: ReadonlySet<string> = new Set([
  'index',
  'main',
  'server',
  'cli',
  'app',
  'mcp',
  'start',
  'src',
  'dist',
])

/** `npx -y @acme/crm-server@1.2` is `@acme/crm-server`, `python tools/crm.py` is `crm`; undefined where it is unclear. */
export function serverNameOf([command = '', ...args]: readonly string[]): string | undefined {
  const isLaunched = LAUNCHERS.has(basename(command, extname(command)))
  const word = isLaunched ? args.find((one) => !BETWEEN.has(one)) : command
  if (word === undefined || word.startsWith('-')) return undefined
  const isPackage = /^@[\w.-]+\//.test(word)
  const name = isPackage
    ? word.replace(/(?<=.)@[^/]*$/, '')
    : basename(word, /\.[cm]?[jt]s$|\.py$/.exec(word)?.[0] ?? '').replace(/(?<=.)@.*$/, '')
  return SERVER_NAME.test(name) && !ANYBODYS.has(name) ? name : undefined
}

import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { AGENT_ID } from '#contract'
import type { GateConfig } from '#gate'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Reads the gate's configuration from the environment. Throws one error that names every variable that is missing
 * or wrong, and what was expected.
 */
export function readEnvironment(env: Environment): GateConfig {
  const problems: string[] = []
  const read = (name: string, like: RegExp, expected: string): string => {
    const value = env[name]?.trim() ?? ''
    if (!like.test(value))
      problems.push(`${name} is ${value === '' ? 'missing' : shown(value)}, expected ${expected}`)
    return value
  }

  const config: GateConfig = {
    natsUrl: read(
      'HOLDPOINT_NATS_URL',
      NATS_URL,
      'nats://host:port or tls://host:port, or several with commas',
    ),
    agentId: read(
      'HOLDPOINT_AGENT',
      AGENT_ID,
      'the id under which `holdpoint agent add` registered this agent',
    ),
    pin: read(
      'HOLDPOINT_PIN',
      PIN,
      'ed25519: and the organisation’s public key, as `holdpoint agent add` prints it',
    ),
    credentials: readCredentials(env.HOLDPOINT_CREDENTIALS?.trim() ?? '', problems),
    serviceName: env.OTEL_SERVICE_NAME || env.HOLDPOINT_AGENT || 'unknown',
    ...(env.npm_package_version === undefined ? {} : { serviceVersion: env.npm_package_version }),
    host: hostname(),
  }
  if (problems.length > 0)
    throw new Error(
      `Holdpoint cannot control this agent, so it is not started:\n${problems.map((one) => `  - ${one}`).join('\n')}`,
    )
  return config
}

const ONE_URL = String.raw`(?:nats|tls)://[^\s,]+`
const NATS_URL = new RegExp(`^${ONE_URL}(?:\\s*,\\s*${ONE_URL})*$`)
const PIN = /^ed25519:[A-Za-z0-9_-]{43}$/
const EXPECTED = 'the path of the credentials file that `holdpoint agent add` wrote'

/** This goes to logs, and variables get mixed up: credentials, a seed or a user's password are not repeated. */
const shown = (value: string): string =>
  /BEGIN|@|\bS[ACNOUX][A-Z2-7]{8}/.test(value) ? 'a text that is not shown' : `"${value}"`

/** The path may be shown, what is in the file may not. */
function readCredentials(path: string, problems: string[]): string {
  if (path === '') {
    problems.push(`HOLDPOINT_CREDENTIALS is missing, expected ${EXPECTED}`)
    return ''
  }
  try {
    const text = readFileSync(path, 'utf8')
    if (/BEGIN NATS USER JWT/.test(text) && /BEGIN USER NKEY SEED/.test(text)) return text
    problems.push(
      `HOLDPOINT_CREDENTIALS is ${shown(path)}, which holds no NATS credentials; expected ${EXPECTED}`,
    )
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    problems.push(
      `HOLDPOINT_CREDENTIALS is ${shown(path)}, which cannot be read (${code}); expected ${EXPECTED}`,
    )
  }
  return ''
}

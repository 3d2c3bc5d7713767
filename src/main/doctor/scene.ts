import { readFileSync } from 'node:fs'
import type { NatsConnection } from '@nats-io/transport-node'
import {
  connectAs,
  currentEpoch,
  DEVELOPMENT_ORIGIN,
  epochsOf,
  FILES,
  type Home,
  openHome,
  readOwn,
} from '#broker'
import { HoldpointError, type KeySet } from '#contract'
import { type Config, type Io, type Running, readRunning } from '#runtime'
import { type Finding, messageOf } from './finding.ts'
import { readServers, type Servers } from './servers.ts'

export type HouseRole = Parameters<typeof connectAs>[0]
type Assumption = Config['nats']['assumed'][number]

/** What all checks look at. Whatever is expensive is done once, when the first of them asks. */
export interface Scene {
  config: Config
  home: Home
  running: Running | undefined
  /** `holdpoint up`, or a folder made for it: what only a demo may have is a warning here. */
  isDevelopment: boolean
  /** That takes new requests. */
  epoch: number
  /** All that have begun, ascending: the older ones may be sealed, and dropped. */
  epochs: number[]
  cwd: string
  deep: boolean
  now: () => number
  /** Throws UNAVAILABLE. */
  natsUrl(): string
  /** Roles whose credentials lie here. */
  roles(): HouseRole[]
  /** Throws NOT_FOUND. */
  credentials(role: HouseRole): string
  /** One line for each role, closed with the scene. Throws UNAVAILABLE or NOT_FOUND. */
  connect(role: HouseRole): Promise<NatsConnection>
  /** Connected as whoever may read streams; throws NOT_FOUND where nobody here may. */
  reader(): Promise<NatsConnection>
  servers(): Promise<Servers>
  /** What cannot be read, and is stated in the configuration or is a fault. */
  unreadable(check: string, assumption: Assumption, reason: string): Finding
  close(): Promise<void>
}

export const CREDENTIAL_ROLES = ['broker', 'desk', 'channel', 'pipeline', 'admin', 'doctor'] as const
/** The weakest first. */
const READERS = ['pipeline', 'broker', 'admin'] as const

export function openScene(config: Config, io: Pick<Io, 'cwd' | 'now'>, options: { deep: boolean }): Scene {
  const home = openHome(config.dataDir)
  const running = readRunning(config.dataDir)
  const lines = new Map<HouseRole, Promise<NatsConnection>>()
  const given = givenCredentials(config)
  let servers: Promise<Servers> | undefined

  const natsUrl = (): string => {
    const url = config.nats.url ?? running?.nats.url
    if (url !== undefined) return url
    throw new HoldpointError(
      'UNAVAILABLE',
      'nats.url is not configured, and no `holdpoint up` runs from this data folder',
    )
  }
  const credentials = (role: HouseRole): string => given.get(role) ?? home.read(FILES.credentials(role))
  const connect = (role: HouseRole): Promise<NatsConnection> => {
    const line = lines.get(role) ?? connectAs(role, natsUrl(), credentials(role))
    lines.set(role, line)
    return line
  }

  const scene: Scene = {
    config,
    home,
    running,
    isDevelopment: isDevelopment(config, home, running),
    epoch: currentEpoch(home),
    epochs: epochsOf(home),
    cwd: io.cwd,
    deep: options.deep,
    now: io.now,
    natsUrl,
    roles: () => CREDENTIAL_ROLES.filter((role) => given.has(role) || home.has(FILES.credentials(role))),
    credentials,
    connect,
    async reader() {
      const role = READERS.find((one) => scene.roles().includes(one))
      if (role) return connect(role)
      throw new HoldpointError(
        'NOT_FOUND',
        `no credentials that may read streams lie here (${READERS.join(', ')})`,
      )
    },
    servers() {
      servers ??= readServers(scene)
      return servers
    },
    unreadable: (check, assumption, reason) =>
      config.nats.assumed.includes(assumption)
        ? { check, level: 'assumed', what: `${reason}; nats.assumed states ${assumption}` }
        : {
            check,
            level: 'fault',
            what: reason,
            why: 'what nobody has looked at is not known to hold',
            mend: `give doctor.creds of the system account or nats.monitor; on a managed NATS ask its operator, and state nats.assumed: [${assumption}]`,
          },
    async close() {
      for (const line of lines.values())
        await line.then(
          (nc) => nc.close(),
          () => {},
        )
    },
  }
  return scene
}

function isDevelopment({ nats }: Config, home: Home, running: Running | undefined): boolean {
  if (running !== undefined && (nats.url ?? running.nats.url) === running.nats.url) return true
  if (nats.url !== undefined || !home.has(FILES.keySet)) return false
  return readOwn<KeySet>(home, FILES.keySet).origin === DEVELOPMENT_ORIGIN
}

/** The files that the configuration names; whose they are, they say themselves. */
function givenCredentials({ nats, channels }: Config): Map<HouseRole, string> {
  const found = new Map<HouseRole, string>()
  for (const [key, file] of [
    ['nats.credentials', nats.credentials],
    ['channels.credentials', channels.credentials],
  ] as const) {
    if (file === undefined) continue
    const text = readCredentials(key, file)
    const role = CREDENTIAL_ROLES.find((one) => one === userOf(text).name)
    if (role) found.set(role, text)
  }
  return found
}

function readCredentials(key: string, file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new HoldpointError('INVALID_CONFIG', `${key}: ${file} cannot be read: ${messageOf(cause)}`, {
      cause,
    })
  }
}

/** What a credentials file says of its user. Throws INVALID_CONFIG for what is none. */
export function userOf(credentials: string): { name: string; exp?: number; iss: string } {
  const [, jwt = ''] = /-----BEGIN NATS USER JWT-----\s+(\S+)/.exec(credentials) ?? []
  try {
    return JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString('utf8')) as never
  } catch (cause) {
    throw new HoldpointError('INVALID_CONFIG', 'a credentials file without a NATS user', { cause })
  }
}

import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { HoldpointError } from '#contract'

/**
 * The data folder of one installation, as `holdpoint init` lays it out. In production its parts go to
 * different machines: `keys/organisation.seed` to a safe, each credential to the process it is named for.
 */
export interface Home {
  readonly dir: string
  path(name: string): string
  has(name: string): boolean
  /** Throws NOT_FOUND naming the file and what makes it. */
  read(name: string): string
  /** Names of the files directly in a folder; none where there is no folder. */
  list(folder: string): string[]
  /** Readable by its owner alone, and never half-written. */
  write(name: string, content: string | Uint8Array): void
}

export const FILES = {
  organisation: 'keys/organisation.seed',
  policyKey: 'keys/policy.seed',
  registryKey: 'keys/registry.seed',
  brokerKey: 'keys/broker.seed',
  ledgerKey: 'keys/ledger.seed',
  /** Secret of the broker's HMACs and of the keys that seal payloads. */
  brokerSecret: 'keys/broker.secret',
  natsKeys: 'keys/nats.json',
  pin: 'trust/pin',
  keySet: 'trust/keyset.jws',
  policy: 'trust/policy.jws',
  directory: 'trust/directory.jws',
  registrations: 'trust/agents',
  epochs: 'trust/epochs',
  epoch: (epoch: number): string => `trust/epochs/${epoch}.jws`,
  natsOperator: 'nats/operator.conf',
  credentials: (name: string): string => `credentials/${name}.creds`,
  agentCredentials: (agentId: string): string => `agents/${agentId}.creds`,
  registration: (agentId: string): string => `trust/agents/${agentId}.jws`,
} as const

export function openHome(dir: string): Home {
  const path = (name: string): string => join(dir, name)
  return {
    dir,
    path,
    has: (name) => existsSync(path(name)),
    read: (name) => {
      try {
        return readFileSync(path(name), 'utf8')
      } catch (cause) {
        throw new HoldpointError('NOT_FOUND', `${path(name)} cannot be read; \`holdpoint init\` makes it`, {
          cause,
        })
      }
    },
    list: (folder) => (existsSync(path(folder)) ? readdirSync(path(folder)).sort() : []),
    write: (name, content) => writePrivately(path(name), content),
  }
}

function writePrivately(file: string, content: string | Uint8Array): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  const draft = `${file}.${process.pid}.new`
  writeFileSync(draft, content, { mode: 0o600 })
  chmodSync(draft, 0o600)
  renameSync(draft, file)
}

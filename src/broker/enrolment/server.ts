import { FILES, type Home } from './home.ts'

/** Larger than the largest payload in its envelope, and small enough that one message never fills a server. */
const MAX_NATS_PAYLOAD = '8MB'

/** Servers before this one do not know `sync_interval: always`; they will do for a demo, and for nothing else. */
const SYNC_ALWAYS_SINCE = [2, 10]

/**
 * Configuration of the embedded nats-server: operator mode, and a disk that is written before a write is
 * acknowledged. Without `sync_interval: always` a power cut loses decisions that were made.
 */
export function natsServerConfig(home: Home, serverVersion: string): string {
  const sync = isAtLeast(serverVersion, SYNC_ALWAYS_SINCE) ? ', sync_interval: always' : ''
  return [
    'server_name: holdpoint',
    `max_payload: ${MAX_NATS_PAYLOAD}`,
    `jetstream { store_dir: ${JSON.stringify(home.path('data/nats'))}${sync} }`,
    home.read(FILES.natsOperator),
  ].join('\n')
}

function isAtLeast(version: string, [major = 0, minor = 0]: readonly number[]): boolean {
  const [ownMajor = 0, ownMinor = 0] = version.split('.').map(Number)
  return ownMajor > major || (ownMajor === major && ownMinor >= minor)
}

import { FILES, type Home } from './home.ts'

/** Larger than the largest payload in its envelope, and small enough that one message never fills a server. */
const MAX_NATS_PAYLOAD = '8MB'

/**
 * Configuration of the embedded nats-server: operator mode, and a disk that is written before a write is
 * acknowledged. Without `sync_interval: always` a power cut loses decisions that were made.
 */
export const natsServerConfig = (home: Home): string =>
  [
    'server_name: holdpoint',
    `max_payload: ${MAX_NATS_PAYLOAD}`,
    `jetstream { store_dir: ${JSON.stringify(home.path('data/nats'))}, sync_interval: always }`,
    home.read(FILES.natsOperator),
  ].join('\n')

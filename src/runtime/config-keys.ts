import {
  boolean,
  integer,
  list,
  literal,
  object,
  optional,
  type Shape,
  secretText,
  text,
  WEBHOOK_EVENTS,
} from '#contract'
import { LOG_LEVELS } from './log.ts'

/** One key of holdpoint.yaml, and by the same words one variable: `pipeline.port`, HOLDPOINT_PIPELINE_PORT. */
export interface Setting<T> {
  readonly shape: Shape<T>
  readonly preset: T
  readonly about: string
  /** A `path` is resolved against the folder of the file that names it; a `secret` is never shown. */
  readonly kind: 'text' | 'value' | 'path' | 'secret'
}

export interface SettingTree {
  readonly [name: string]: Setting<unknown> | SettingTree
}

export type ConfigOf<T> = {
  readonly [K in keyof T]: T[K] extends Setting<infer V> ? V : ConfigOf<T[K]>
}

export type Config = ConfigOf<typeof SETTINGS>

const word = (like: string, max = 1024): Shape<string> => text({ min: 1, max, like })
const port: Shape<number> = integer({ min: 0, max: 65_535 })
const days: Shape<number> = integer({ min: 0, max: 36_500 })
const isUrl = (text: string, schemes: readonly string[]): boolean =>
  URL.canParse(text) && schemes.some((scheme) => text.startsWith(`${scheme}://`))
const url =
  (...schemes: string[]): Shape<string> =>
  (value, at, report) =>
    typeof value === 'string' && isUrl(value, schemes)
      ? value
      : report(at, `a URL that starts with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`, value)
const natsUrls: Shape<string> = (value, at, report) =>
  typeof value === 'string' &&
  value.split(',').every((one) => isUrl(one.trim(), ['nats', 'tls', 'ws', 'wss']))
    ? value
    : report(at, 'a nats://, tls://, ws:// or wss:// URL, or several with commas between', value)
const issuer = object({
  issuer: url('https', 'http'),
  audience: word('the audience that tokens for Holdpoint carry'),
  jwksUri: optional(url('https', 'http')),
  clientId: optional(word('the id of the client that signs people in')),
  clientSecret: optional(secretText({ min: 1, max: 1024 })),
  clientSecretFile: optional(word('the path of a file', 4096)),
  scopes: optional(list(word('a scope', 200), { max: 20 })),
})
const webhook = object({
  name: text({ min: 1, max: 40, pattern: /^[a-z][a-z0-9-]*$/, like: 'a short name: a-z, 0-9 and -' }),
  url: url('https', 'http'),
  secret: optional(secretText({ min: 1, max: 200 })),
  secretFile: optional(word('the path of a file', 4096)),
  events: optional(list(literal(...WEBHOOK_EVENTS), { min: 1, max: 5 })),
  answers: optional(boolean),
  allow: optional(list(word('an address or a CIDR range', 50), { max: 20 })),
})

/** What only the server's own administrator can know. Whatever can be read is checked, stated here or not. */
const NATS_ASSUMPTIONS = ['version', 'sync_always', 'storage', 'cluster', 'clock', 'permissions'] as const

/** All that can be configured. A new key is one line here. */
export const SETTINGS = {
  dataDir: path('.holdpoint', 'Where keys, the embedded servers’ data and development state are kept.'),
  policy: path('policy.yaml', 'The policy to publish.'),
  pin: absent(
    'text',
    word('the pin that `holdpoint init` printed'),
    'The organisation’s public key, pinned.',
  ),
  log: {
    level: value(literal(...LOG_LEVELS), 'info', `One of ${LOG_LEVELS.join(', ')}.`),
  },
  nats: {
    url: absent(
      'text',
      natsUrls,
      'An existing NATS, several servers with commas; else an embedded one starts.',
    ),
    credentials: absent(
      'path',
      word('the path of a credentials file'),
      'This process’ NATS credentials file.',
    ),
    port: value(port, 4222, 'The embedded server’s port; taken ones are replaced by the next free one.'),
    replicas: value(
      integer({ min: 1, max: 5 }),
      1,
      'On how many servers of a cluster each entry has to be: 3 in production. Fewer closes the broker.',
    ),
    monitor: value(
      list(url('http', 'https'), { max: 16 }),
      [],
      'Monitoring addresses, one for each server, for `holdpoint doctor` where the system account is not ours.',
    ),
    assumed: value(
      list(literal(...NATS_ASSUMPTIONS), { max: NATS_ASSUMPTIONS.length }),
      [],
      `What is taken on trust where a managed NATS does not tell: ${NATS_ASSUMPTIONS.join(', ')}.`,
    ),
  },
  identity: {
    issuers: value(
      list(issuer, { max: 32 }),
      [],
      'Whose tokens are believed, and who signs people in: issuer, audience; optional jwksUri, clientId, clientSecretFile (relative to the working folder), scopes.',
    ),
    port: value(port, 7071, 'The development issuer’s port, in `holdpoint up` alone.'),
  },
  http: {
    host: text_(word('a host name or address', 255), '127.0.0.1', 'Where console and REST are served.'),
    port: value(port, 7070, 'Their port; in `holdpoint up` the next free one where it is taken.'),
    url: absent(
      'text',
      url('http', 'https'),
      'The address under which people reach them, where it is another: a proxy’s.',
    ),
  },
  metrics: {
    host: text_(
      word('a host name or address', 255),
      '127.0.0.1',
      'Where /metrics, /healthz and /readyz are, which a scraper has to reach and nobody else.',
    ),
    port: unset(
      port,
      'Their port. Left out, 9464 for the broker and 9465 for the pipeline; desk and `holdpoint up` then have them at http.port alone.',
    ),
  },
  channels: {
    credentials: absent(
      'path',
      word('the path of a credentials file'),
      'The channels’ NATS credentials file, in `holdpoint desk`; nats.credentials is the desk’s.',
    ),
    webhooks: value(
      list(webhook, { max: 50 }),
      [],
      'Who is told of requests: name, url, secretFile (relative to the working folder); optional events, answers, allow (private addresses).',
    ),
  },
  clickhouse: {
    url: absent(
      'text',
      url('http', 'https'),
      'An existing ClickHouse; without it the embedded engine is started.',
    ),
    user: absent(
      'text',
      word('a user name'),
      'This process’ database user: the pipeline’s writes, the desk’s only reads.',
    ),
    password: absent('secret', word('a password'), 'Its password; better through passwordFile.'),
    database: text_(
      text({ min: 1, max: 64, pattern: /^[A-Za-z_]\w*$/ }),
      'holdpoint',
      'The database of all tables.',
    ),
    port: value(port, 8123, 'The embedded engine’s HTTP port, for reading.'),
    cluster: absent(
      'text',
      text({ min: 1, max: 64, pattern: /^[A-Za-z_][\w-]*$/ }),
      'The cluster of an existing ClickHouse: tables are replicated, and spread over its shards.',
    ),
    // Left out, a table keeps the end that it has: somebody may have set it by hand.
    ttlDays: {
      traces: unset(days, 'How long spans are kept; 0 is for ever. Left out, tables stay as they are.'),
      logs: unset(days, 'How long log records are kept, by the same rule.'),
      metrics: unset(days, 'How long data points are kept, by the same rule.'),
      findings: unset(
        days,
        'How long findings are kept after they were made, by the same rule. The ledger’s rows have no end.',
      ),
    },
  },
  pipeline: {
    host: text_(word('a host name or address', 255), '127.0.0.1', 'Where OTLP is received.'),
    port: value(port, 4318, 'The port for OTLP/HTTP.'),
    grpcPort: value(port, 4317, 'The port for OTLP/gRPC.'),
    tls: {
      cert: absent('path', word('the path of a PEM file', 4096), 'OTLP over TLS: the certificate chain.'),
      key: absent('path', word('the path of a PEM file', 4096), 'Its private key.'),
      clientCa: absent(
        'path',
        word('the path of a PEM file', 4096),
        'Whose certificates senders must show (mTLS).',
      ),
    },
    tokens: absent(
      'path',
      word('the path of a file', 4096),
      'Bearer tokens that senders must show one of: a file with one on each line.',
    ),
    mode: value(
      literal('buffered', 'direct'),
      'buffered',
      'When a batch is acknowledged: buffered, when NATS has it on disk; direct, when ClickHouse has it.',
    ),
    bufferBytes: value(
      integer({ min: 2 ** 20, max: 2 ** 50 }),
      2 ** 30,
      'What waits for ClickHouse at most, before senders are told to come again; the stream is made with it.',
    ),
    lanes: value(
      integer({ min: 1, max: 64 }),
      1,
      'How many writers may store at the same time, over all replicas; all must say the same.',
    ),
    forward: {
      url: absent(
        'text',
        url('http', 'https'),
        'A Collector’s OTLP/HTTP address: spans, logs and metrics go there, verified, and not into ClickHouse.',
      ),
      tokenFile: absent(
        'path',
        word('the path of a file', 4096),
        'A file with the bearer token to show there.',
      ),
    },
    maxBodyBytes: value(
      integer({ min: 1024, max: 2 ** 30 }),
      64 * 2 ** 20,
      'The largest body, after decompression.',
    ),
  },
}

function value<T>(shape: Shape<T>, preset: T, about: string): Setting<T> {
  return { shape, preset, about, kind: 'value' }
}

function unset<T>(shape: Shape<T>, about: string): Setting<T | undefined> {
  return { shape, preset: undefined, about, kind: 'value' }
}

function text_(shape: Shape<string>, preset: string, about: string): Setting<string> {
  return { shape, preset, about, kind: 'text' }
}

function path(preset: string, about: string): Setting<string> {
  return { shape: word('a path', 4096), preset, about, kind: 'path' }
}

function absent(
  kind: 'text' | 'path' | 'secret',
  shape: Shape<string>,
  about: string,
): Setting<string | undefined> {
  return { shape, preset: undefined, about, kind }
}

export const isSetting = (node: Setting<unknown> | SettingTree): node is Setting<unknown> =>
  typeof (node as Setting<unknown>).shape === 'function'

/** `clickhouse.passwordFile` → HOLDPOINT_CLICKHOUSE_PASSWORD_FILE */
export const variableOf = (key: readonly string[]): string =>
  ['HOLDPOINT', ...key.map((name) => name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase())].join(
    '_',
  )

/** `clickhouse.password` may be given as the file that `clickhouse.passwordFile` names. */
export const secretFileKey = (key: readonly string[]): string[] => [...key.slice(0, -1), `${key.at(-1)}File`]

/** Every key with its setting, in the order above. */
export function listSettings(
  tree: SettingTree = SETTINGS,
  prefix: string[] = [],
): [string[], Setting<unknown>][] {
  return Object.entries(tree).flatMap(([name, node]) =>
    isSetting(node)
      ? [[[...prefix, name], node] as [string[], Setting<unknown>]]
      : listSettings(node, [...prefix, name]),
  )
}

import { readFileSync } from 'node:fs'
import {
  currentEpoch,
  DEVELOPMENT_GROUPS,
  DEVELOPMENT_ORIGIN,
  type Home,
  initialise,
  natsServerConfig,
  openHome,
  provisionStreams,
  publishTrust,
  signPolicy,
} from '#broker'
import { HoldpointError } from '#contract'
import { createDevelopmentIssuer, type SignInIssuer, type TrustedIssuer } from '#identity'
import {
  type Command,
  type Config,
  clearRunning,
  createClaim,
  createNatsServer,
  defineCommand,
  type Log,
  natsServerVersion,
  type Running,
  refuseClaimed,
  type Stack,
  type Telemetry,
  writeRunning,
} from '#runtime'
import { createEngine, createStore } from '#store'
import { brokerOf } from './broker.ts'
import { createConnection } from './connection.ts'
import { startDesk } from './desk.ts'
import { issuersForSignIn, refuseDevelopment, trustedIssuers } from './issuers.ts'
import { startMetrics } from './metrics.ts'
import { pipelineOf, storeComponent } from './pipeline.ts'
import { serve } from './serve.ts'

export const upCommand: Command = defineCommand({
  name: 'up',
  summary: 'Run everything in this folder, for development',
  details:
    'An embedded NATS and ClickHouse, a sign-in with a few made-up people, the broker, the console with REST and\n' +
    'webhooks, and the pipeline. Makes keys and a starter policy where there are none. Ports that are taken are\n' +
    'replaced by the next free ones.',
  example: 'holdpoint up',
  run: (_, io) =>
    serve('up', io, async ({ config, log, stack, telemetry, fail }) => {
      const running = await startUp({ config, log, stack, telemetry, fail, now: io.now, cwd: io.cwd })
      io.stdout.write(whereText(running, config))
    }),
})

export interface UpParts {
  config: Config
  log: Log
  stack: Stack
  telemetry: Pick<Telemetry, 'exposition'>
  now: () => number
  /** What secrets' files in the configuration are relative to. */
  cwd: string
  fail(error: unknown): void
}

/** Starts all of it on one stack, each part when what it needs is there. */
export async function startUp(parts: UpParts): Promise<Running> {
  const { config, log, stack, telemetry, now, cwd, fail } = parts
  if (config.identity.issuers.length === 0) refuseDevelopment(config)
  const home = openHome(config.dataDir)
  refuseClaimed(config.dataDir)
  await stack.start(createClaim(config.dataDir))
  await initialise(home, {
    origin: DEVELOPMENT_ORIGIN,
    policyFile: config.policy,
    groups: DEVELOPMENT_GROUPS,
    nowMs: now(),
  })
  signPolicy(home, readFileSync(config.policy, 'utf8'), config.policy, now())

  const nats = config.nats.url ?? (await startNats(home, config, log, stack))
  const replicas = config.nats.url === undefined ? 1 : config.nats.replicas
  await provision(home, nats, { replicas, bufferBytes: config.pipeline.bufferBytes, now }).catch(
    (cause: unknown) => {
      if (config.nats.url === undefined || !(cause instanceof HoldpointError)) throw cause
      // Most often the variables of an agent, read into the shell that starts this.
      const hint = 'nats.url (HOLDPOINT_NATS_URL) names it; without it an embedded one is started'
      throw new HoldpointError(cause.code, `${cause.message}. ${hint}`, { cause })
    },
  )
  const issuers = await startIdentity(home, config, { stack, now, log, cwd })
  const clickhouse = await startStore(home, config, { stack, log, fail })

  const brokerConnection = await stack.start(createConnection('broker', home, nats))
  const agentsConnection = await stack.start(createConnection('broker', home, nats, { name: 'agents' }))
  const broker = await stack.start(
    brokerOf(home, {
      nc: brokerConnection.nc(),
      agents: agentsConnection.nc(),
      issuers: issuers.trusted,
      server: { replicas, anyServerVersion: true },
      now,
      log: log.child({ room: 'broker' }),
      // Whoever tries a policy out edits the file and starts again, or publishes it.
      policyChanges: 'signed',
      fail,
    }),
  )
  const pipelineConnection = await stack.start(createConnection('pipeline', home, nats))
  const telemetryConnection = await stack.start(
    createConnection('pipeline', home, nats, { name: 'telemetry' }),
  )
  const pipeline = await stack.start(
    pipelineOf(home, config, {
      nc: pipelineConnection.nc(),
      telemetry: telemetryConnection.nc(),
      store: clickhouse.store,
      now,
      log: log.child({ room: 'pipeline' }),
      isPortFlexible: true,
    }),
  )

  const deskConnection = await stack.start(createConnection('desk', home, nats))
  const channelConnection = await stack.start(createConnection('channel', home, nats))
  const reading = createStore(clickhouse.reader)
  await stack.start({ name: 'store for reading', start: async () => {}, stop: () => reading.close() })
  const http = await startDesk(config, {
    nc: deskConnection.nc(),
    channel: channelConnection.nc(),
    issuers: issuers.forSignIn,
    store: reading,
    stack,
    telemetry,
    now,
    log: log.child({ room: 'desk' }),
    cwd,
    isPortFlexible: true,
  })

  const whyNotReady = (): string | undefined => broker.whyNotReady() ?? pipeline.whyNotReady()
  await startMetrics('up', config, { telemetry, whyNotReady, stack, log, isPortFlexible: true })

  const running: Running = {
    pid: process.pid,
    nats: { url: nats },
    ...(issuers.url === undefined ? {} : { identity: { url: issuers.url } }),
    clickhouse: clickhouse.reader,
    otlp: {
      url: otlpUrl(config, pipeline.httpPort()),
      grpcUrl: otlpUrl(config, pipeline.grpcPort()),
    },
    http: { url: config.http.url ?? http.url() },
  }
  await stack.start({
    name: 'runtime file',
    start: async () => writeRunning(config.dataDir, running),
    stop: async () => clearRunning(config.dataDir),
  })
  return running
}

const otlpUrl = ({ pipeline: { host, tls } }: Config, port: number): string =>
  `${tls.cert === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${port}`

async function startNats(home: Home, config: Config, log: Log, stack: Stack): Promise<string> {
  const server = createNatsServer({
    configText: natsServerConfig(home, natsServerVersion()),
    dir: home.path('nats'),
    port: config.nats.port,
    log,
  })
  return (await stack.start(server)).url
}

/** Streams and signed documents, with credentials that nobody keeps at run time. */
async function provision(
  home: Home,
  url: string,
  { replicas, bufferBytes, now }: { replicas: number; bufferBytes: number; now: () => number },
): Promise<void> {
  const admin = createConnection('admin', home, url)
  await admin.start()
  try {
    // Those before it were made when they began; they may be sealed by now, or dropped for good.
    await provisionStreams(admin.nc(), currentEpoch(home), replicas, bufferBytes)
    await publishTrust(admin.nc(), home, now())
  } finally {
    await admin.stop()
  }
}

async function startIdentity(
  home: Home,
  config: Config,
  { stack, now, log, cwd }: Pick<UpParts, 'stack' | 'now' | 'log' | 'cwd'>,
): Promise<{ trusted: readonly TrustedIssuer[]; forSignIn: readonly SignInIssuer[]; url?: string }> {
  // A real identity provider and made-up people never stand side by side.
  if (config.identity.issuers.length > 0)
    return { trusted: trustedIssuers(config), forSignIn: issuersForSignIn(config, cwd) }
  const { port } = config.identity
  const issuer = await stack.start(createDevelopmentIssuer({ dir: home.path('people'), port }, { now, log }))
  return { trusted: [issuer.trusted()], forSignIn: [issuer.trusted()], url: issuer.url() }
}

async function startStore(
  home: Home,
  config: Config,
  { stack, log, fail }: Pick<UpParts, 'stack' | 'log' | 'fail'>,
) {
  const { clickhouse } = config
  const { url, user = 'default', password = '', database, port } = clickhouse
  if (url) {
    const target = { url, user, password, database }
    const store = createStore(target)
    await stack.start(storeComponent(store, config))
    return { store, reader: target }
  }
  const engine = await stack.start(
    createEngine({ dataDir: home.path('data/clickhouse'), port, database }, { log, onFailure: fail }),
  )
  const store = createStore(engine.writer)
  await stack.start(storeComponent(store, config))
  return { store, reader: engine.reader }
}

function whereText(
  { nats, clickhouse, otlp, identity, http }: Running,
  { dataDir, policy }: Pick<Config, 'dataDir' | 'policy'>,
): string {
  const passphrase = (): string => readFileSync(`${dataDir}/people/passphrase`, 'utf8').trim()
  const lines = [
    ['Console', `${http?.url}   (REST: ${http?.url}/openapi.json)`],
    ...(identity ? [['Sign-in', `made-up people: alice, bob, carol; passphrase ${passphrase()}`]] : []),
    ['NATS', nats.url],
    ['OTLP/HTTP', `${otlp.url}   (/v1/traces, /v1/logs, /v1/metrics)`],
    ['OTLP/gRPC', otlp.grpcUrl ?? ''],
    ['ClickHouse', `${clickhouse.url}   (for reading: holdpoint sql "SELECT …")`],
    ['Data', dataDir],
  ]
  return `${lines.map(([name = '', value]) => `${name.padEnd(12)}${value}`).join('\n')}\n\nFor development: every start puts ${policy} into force, and \`holdpoint policy publish FILE\` another; nobody is asked.\nHoldpoint is up. Stop it with Ctrl-C.\n`
}

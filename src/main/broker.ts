import type { NatsConnection } from '@nats-io/transport-node'
import {
  type Broker,
  type BrokerConfig,
  createBroker,
  FILES,
  type Home,
  openHome,
  type PolicyChanges,
  readKey,
  readKeySet,
  readPin,
} from '#broker'
import { createIdentity, type TrustedIssuer } from '#identity'
import { type Command, type Config, defineCommand, type Log, readRunning } from '#runtime'
import { configuredConnection } from './connection.ts'
import { trustedIssuers } from './issuers.ts'
import { startMetrics } from './metrics.ts'
import { serve } from './serve.ts'

export const brokerCommand: Command = defineCommand({
  name: 'broker',
  summary: 'Run the broker alone',
  details:
    'Needs nats.url, or a `holdpoint up` on the same data folder. Any number may run side by side; on one machine each\n' +
    'needs a metrics.port of its own.',
  example: 'holdpoint broker',
  run: (_, io) =>
    serve('broker', io, async ({ config, log, stack, telemetry, fail }) => {
      const home = openHome(config.dataDir)
      let broker: Broker | undefined
      const whyNotReady = (): string | undefined => (broker ? broker.whyNotReady() : 'starting')
      await startMetrics('broker', config, { telemetry, whyNotReady, stack, log })
      const connection = await stack.start(configuredConnection('broker', home, config))
      const agents = await stack.start(configuredConnection('broker', home, config, 'agents'))
      broker = brokerOf(home, {
        nc: connection.nc(),
        agents: agents.nc(),
        issuers: trustedIssuers(config),
        server: serverOf(config, log),
        now: io.now,
        log,
        fail,
      })
      await stack.start(broker)
      log.info('the broker is ready', { nats: connection.nc().getServer() })
    }),
})

export type ServerTerms = Pick<BrokerConfig, 'replicas' | 'anyServerVersion'>

/** A server with known faults will do for `holdpoint up`, and where somebody answers for it. */
export function serverOf({ nats, dataDir }: Config, log: Log): ServerTerms {
  if (nats.assumed.length > 0) log.warn('taken on trust, and not checked', { assumed: nats.assumed })
  const up = readRunning(dataDir)?.nats.url
  const isOfUp = up !== undefined && (nats.url ?? up) === up
  return { replicas: nats.replicas, anyServerVersion: isOfUp || nats.assumed.includes('version') }
}

export interface BrokerParts {
  nc: NatsConnection
  /** For what agents call, and nothing else. */
  agents: NatsConnection
  issuers: readonly TrustedIssuer[]
  now: () => number
  log: Log
  /** What the NATS servers have to be; preset: one of them, of a version without known faults. */
  server?: ServerTerms
  /** Preset: `held`. */
  policyChanges?: PolicyChanges
  fail(error: unknown): void
}

/** The broker with this data folder's keys; it reads only its own: broker, ledger, secret. */
export function brokerOf(home: Home, parts: BrokerParts): Broker {
  const { nc, agents, issuers, now, log, policyChanges, server, fail } = parts
  return createBroker(
    {
      origin: readKeySet(home, now()).origin,
      pin: readPin(home),
      warrantKey: readKey(home, FILES.brokerKey),
      checkpointKey: readKey(home, FILES.ledgerKey),
      secret: Buffer.from(home.read(FILES.brokerSecret), 'base64url'),
      stateDir: home.path('data/broker'),
      ...server,
      ...(policyChanges === undefined ? {} : { policyChanges }),
    },
    { nc, agents, identity: createIdentity({ issuers }, { now }), now, log, onFailure: fail },
  )
}

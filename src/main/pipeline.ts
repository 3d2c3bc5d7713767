import { readFileSync } from 'node:fs'
import type { NatsConnection } from '@nats-io/transport-node'
import { connectAs, type Home, openHome, readPin } from '#broker'
import { HoldpointError } from '#contract'
import { createPipeline, dlqCommand, type Pipeline } from '#pipeline'
import { type Command, type Config, defineCommand, type Log, requireRunning } from '#runtime'
import { createStore, type Store } from '#store'
import { configuredConnection, configuredCredentials } from './connection.ts'
import { countBuffersWithHeap } from './external-memory.ts'
import { startMetrics } from './metrics.ts'
import { serve } from './serve.ts'

export const pipelineCommand: Command = defineCommand({
  name: 'pipeline',
  summary: 'Run the pipeline alone: OTLP in, verified spans into ClickHouse or on to a Collector',
  details:
    'Needs clickhouse.url and its user and password; nats.url, or a `holdpoint up` on the same data folder. Any\n' +
    'number of them may run on the same NATS and ClickHouse; on one machine each needs ports of its own.',
  example: 'HOLDPOINT_CLICKHOUSE_URL=http://clickhouse:8123 holdpoint pipeline',
  run: (_, io) =>
    serve('pipeline', io, async ({ config, log, stack, telemetry: own }) => {
      const { user = 'default', password = '', database } = config.clickhouse
      const url = refuseUnworkable(config)
      const home = openHome(config.dataDir)
      let pipeline: Pipeline | undefined
      const whyNotReady = (): string | undefined => (pipeline ? pipeline.whyNotReady() : 'starting')
      await startMetrics('pipeline', config, { telemetry: own, whyNotReady, stack, log })
      const store = createStore({ url, user, password, database })
      await stack.start(storeComponent(store, config))
      const connection = await stack.start(configuredConnection('pipeline', home, config))
      const telemetry = await stack.start(configuredConnection('pipeline', home, config, 'telemetry'))
      pipeline = await stack.start(
        pipelineOf(home, config, {
          nc: connection.nc(),
          telemetry: telemetry.nc(),
          store,
          now: io.now,
          log,
          pin: config.pin,
        }),
      )
      log.info('the pipeline is ready', { port: pipeline.httpPort(), grpcPort: pipeline.grpcPort() })
    }),
})

/** Before anything is started. Returns where ClickHouse is. */
function refuseUnworkable({ clickhouse, pipeline }: Config): string {
  forwardOf(pipeline)
  if (clickhouse.url !== undefined) return clickhouse.url
  throw new HoldpointError(
    'INVALID_CONFIG',
    'clickhouse.url (HOLDPOINT_CLICKHOUSE_URL) is missing; findings and the ledger are stored there, also when ' +
      'telemetry is forwarded to a Collector',
  )
}

export const pipelineDlqCommand: Command = dlqCommand({
  connect({ nats, dataDir }) {
    const url = nats.url ?? requireRunning(dataDir).nats.url
    return connectAs('pipeline', url, configuredCredentials('pipeline', openHome(dataDir), nats.credentials))
  },
})

export interface PipelineParts {
  nc: NatsConnection
  telemetry: NatsConnection
  store: Store
  now: () => number
  log: Log
  /** A port that is taken is replaced by the next free one. */
  isPortFlexible?: boolean
  /** Where it runs without a data folder; preset: the data folder's. */
  pin?: string | undefined
}

/** The pipeline of this data folder: of all its secrets it is given none but the credentials of its own role. */
export function pipelineOf(
  home: Home,
  { pipeline }: Pick<Config, 'pipeline'>,
  { isPortFlexible = false, pin = readPin(home), ...parts }: PipelineParts,
) {
  countBuffersWithHeap()
  return createPipeline({ ...pipeline, isPortFlexible, pin, forward: forwardOf(pipeline) }, parts)
}

function forwardOf({ forward: { url, tokenFile } }: Config['pipeline']) {
  if (url === undefined) {
    if (tokenFile === undefined) return undefined
    throw new HoldpointError('INVALID_CONFIG', 'pipeline.forward.tokenFile: pipeline.forward.url is missing')
  }
  return { url, ...(tokenFile === undefined ? {} : { token: readToken(tokenFile) }) }
}

function readToken(file: string): string {
  let token: string
  try {
    token = readFileSync(file, 'utf8').trim()
  } catch (cause) {
    throw new HoldpointError('INVALID_CONFIG', `pipeline.forward.tokenFile: ${file} cannot be read`, {
      cause,
    })
  }
  if (token !== '') return token
  throw new HoldpointError('INVALID_CONFIG', `pipeline.forward.tokenFile: ${file} is empty`)
}

export const storeComponent = (store: Store, { clickhouse }: Pick<Config, 'clickhouse'>) => ({
  name: 'store',
  start: async () => void (await store.migrate(clickhouse)),
  stop: () => store.close(),
})

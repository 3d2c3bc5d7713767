import type { NatsConnection } from '@nats-io/transport-node'
import { type Home, openHome, readPin } from '#broker'
import { HoldpointError } from '#contract'
import { createPipeline } from '#pipeline'
import { type Command, type Config, defineCommand, type Log } from '#runtime'
import { createStore, type Store } from '#store'
import { configuredConnection } from './connection.ts'
import { serve } from './serve.ts'

export const pipelineCommand: Command = defineCommand({
  name: 'pipeline',
  summary: 'Run the pipeline alone: OTLP in, verified spans into ClickHouse',
  details:
    'Needs clickhouse.url and its user and password; nats.url, or a `holdpoint up` on the same data folder.',
  example: 'HOLDPOINT_CLICKHOUSE_URL=http://clickhouse:8123 holdpoint pipeline',
  run: (_, io) =>
    serve('pipeline', io, async ({ config, log, stack }) => {
      const { url, user = 'default', password = '', database } = config.clickhouse
      if (!url)
        throw new HoldpointError('INVALID_CONFIG', 'clickhouse.url (HOLDPOINT_CLICKHOUSE_URL) is missing')
      const home = openHome(config.dataDir)
      const store = createStore({ url, user, password, database })
      await stack.start(storeComponent(store))
      const connection = await stack.start(configuredConnection('pipeline', home, config))
      const pipeline = await stack.start(
        pipelineOf(home, config, { nc: connection.nc(), store, now: io.now, log }),
      )
      log.info('the pipeline is ready', { port: pipeline.port() })
    }),
})

export interface PipelineParts {
  nc: NatsConnection
  store: Store
  now: () => number
  log: Log
}

/** The pipeline of this data folder: of all its secrets it is given none but credentials that can only read. */
export const pipelineOf = (home: Home, { pipeline }: Config, parts: PipelineParts) =>
  createPipeline(
    {
      host: pipeline.host,
      port: pipeline.port,
      maxBodyBytes: pipeline.maxBodyBytes,
      pin: readPin(home),
    },
    parts,
  )

export const storeComponent = (store: Store) => ({
  name: 'store',
  start: async () => void (await store.migrate()),
  stop: () => store.close(),
})

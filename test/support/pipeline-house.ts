import type { Edit } from './guards.ts'
import { type House, startHouse } from './house.ts'
import { pause } from './pause.ts'
import { type Pipeline, startPipeline } from './pipeline-process.ts'
import { type StoreServer, startStore } from './store-process.ts'

/** An installation whose pipelines, store and nats-server are processes of their own, which can be killed and measured. */
export interface PipelineHouse {
  house: House
  store: StoreServer
  pipelines: readonly Pipeline[]
  stop(): Promise<void>
}

/** `env` and `edits` are added to those that each of them needs. */
export interface PipelineOptions {
  name: string
  env?: Record<string, string>
  edits?: readonly Edit[]
}

const READY_WITHIN_MS = 60_000

export async function startPipelineHouse(wanted: readonly PipelineOptions[]): Promise<PipelineHouse> {
  const stops: (() => Promise<void>)[] = []
  // Whoever ends us ends what we have started: pipelines would wait for their servers for ever.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(1))
  const stop = async (): Promise<void> => {
    for (const one of stops.reverse()) await one()
  }
  try {
    // The broker writes down which policy is in force, and is not needed any more.
    const house = await startHouse()
    stops.push(() => house.stop())
    await house.broker().stop()
    const store = await startStore()
    stops.push(() => store.stop())
    const { url, user, password, database } = store.engine.writer
    const known = {
      HOLDPOINT_DATA_DIR: house.home.dir,
      HOLDPOINT_NATS_URL: house.natsUrl,
      HOLDPOINT_CLICKHOUSE_URL: url,
      HOLDPOINT_CLICKHOUSE_USER: user,
      HOLDPOINT_CLICKHOUSE_PASSWORD: password,
      HOLDPOINT_CLICKHOUSE_DATABASE: database,
    }
    const pipelines: Pipeline[] = []
    for (const { name, env = {}, edits = [] } of wanted) {
      const pipeline = await startPipeline(name, house.home.dir, { ...known, ...env }, edits)
      stops.push(() => pipeline.stop())
      pipelines.push(pipeline)
    }
    const giveUpAt = performance.now() + READY_WITHIN_MS
    while (!pipelines.every((pipeline) => pipeline.isReady())) {
      if (performance.now() > giveUpAt)
        throw new Error(`not ready: ${pipelines.map((pipeline) => pipeline.lastWords()).join('\n')}`)
      await pause(20)
    }
    return { house, store, pipelines, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

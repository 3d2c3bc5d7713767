import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createEngine, createStore, type Store } from '#store'
import { createFakeLog } from '../log.ts'
import { type CollectorOptions, startCollector, TOKEN } from './collector.ts'
import { type GoDoor, openGoDoor } from './go-door.ts'
import { type Installation, startInstallation } from './installation.ts'
import type { Receiver } from './load.ts'

/** Where Holdpoint stands. */
export type Position = 'between Collectors' | 'behind a Collector' | 'alone'

export interface Placed {
  /** Where agents and services send to. */
  entrance: Receiver
  holdpoint: Installation
  query: Store['query']
  stop(): Promise<void>
}

/** Everything of one position, real, with the configurations of deploy/. */
export async function place(position: Position): Promise<Placed> {
  const stops: (() => Promise<void>)[] = []
  const stop = async (): Promise<void> => {
    for (const one of stops.splice(0).reverse()) await one()
  }
  try {
    if (position === 'alone') {
      const holdpoint = await startInstallation()
      stops.push(holdpoint.stop)
      return { entrance: holdpoint.otlp, holdpoint, query: holdpoint.query, stop }
    }
    const clickhouse = await startClickHouse()
    stops.push(clickhouse.stop)
    const after = position === 'between Collectors' ? await startCollector(clickhouse.after) : undefined
    if (after) stops.push(after.stop)
    const holdpoint = await startInstallation({
      ...clickhouse.holdpoint,
      ...(after ? forwardTo(after.http, clickhouse.dir) : {}),
    })
    stops.push(holdpoint.stop)
    const entrance = await startCollector({ config: 'before', env: { HOLDPOINT_OTLP: holdpoint.otlp.http } })
    stops.push(entrance.stop)
    return { entrance, holdpoint, query: clickhouse.store.query, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

export function forwardTo(url: string, dir: string): Record<string, string> {
  const tokenFile = join(dir, 'forward-token')
  writeFileSync(tokenFile, `${TOKEN}\n`, { mode: 0o600 })
  return { HOLDPOINT_PIPELINE_FORWARD_URL: url, HOLDPOINT_PIPELINE_FORWARD_TOKEN_FILE: tokenFile }
}

export interface TestClickHouse {
  dir: string
  store: Store
  /** What Holdpoint is told of it. */
  holdpoint: Record<string, string>
  /** A Collector that writes into it. */
  after: CollectorOptions
  /** How everybody else finds it; `store` always finds it open. */
  set: GoDoor['set']
  stop(): Promise<void>
}

/** The embedded engine as a server of its own, as a ClickHouse by URL is. */
export async function startClickHouse(): Promise<TestClickHouse> {
  const dir = mkdtempSync(join(tmpdir(), 'holdpoint-clickhouse-'))
  const engine = createEngine(
    { dataDir: join(dir, 'data'), port: 0, database: 'holdpoint' },
    { log: createFakeLog() },
  )
  await engine.start()
  const { user, password, database } = engine.writer
  const door = await openGoDoor(engine.writer)
  const store = createStore(engine.writer)
  await store.migrate()
  return {
    dir,
    store,
    holdpoint: {
      HOLDPOINT_CLICKHOUSE_URL: door.url,
      HOLDPOINT_CLICKHOUSE_USER: user,
      HOLDPOINT_CLICKHOUSE_PASSWORD: password,
      HOLDPOINT_CLICKHOUSE_DATABASE: database,
    },
    after: {
      config: 'after',
      env: {
        CLICKHOUSE_URL: door.url,
        CLICKHOUSE_USER: user,
        CLICKHOUSE_PASSWORD: password,
        CLICKHOUSE_DATABASE: database,
        CLICKHOUSE_COMPRESS: 'none',
      },
    },
    set: door.set,
    async stop() {
      await store.close()
      await door.stop()
      await engine.stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

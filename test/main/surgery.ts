import { afterAll, afterEach, beforeAll, expect } from 'vitest'
import { readConfig } from '#runtime'
import { createEngine, createStore, type Engine } from '#store'
import type { Finding } from '../../src/main/doctor/finding.ts'
import { openScene, type Scene } from '../../src/main/doctor/scene.ts'
import { holdAction } from '../support/held.ts'
import { type House, startHouse } from '../support/house.ts'
import { createFakeLog } from '../support/log.ts'
import { fillMigrated } from '../support/migrated.ts'

type Check = (scene: Scene) => Promise<Finding[]>

/** A house with one held action and a store, in which a test breaks something for the doctor to find. */
export function createSurgery() {
  let house: House
  let engine: Engine
  let scenes: Scene[] = []

  beforeAll(async () => {
    // Nobody speaks for the process that holds: however long a busy machine takes, it is not to be given up.
    house = await startHouse({ driftMs: 100, heartbeatMs: 3_600_000 })
    await holdAction(await house.agent('support-agent'))
    await fillMigrated(house.home.path('clickhouse'))
    engine = createEngine(
      { dataDir: house.home.path('clickhouse'), port: 0, database: 'holdpoint' },
      { log: createFakeLog() },
    )
    await engine.start()
    const writer = createStore(engine.writer)
    await writer.migrate()
    await writer.close()
  })
  afterEach(async () => {
    for (const scene of scenes) await scene.close()
    scenes = []
  })
  afterAll(async () => {
    await engine.stop()
    await house.stop()
  })

  const variables = (user: 'reader' | 'writer' = 'reader') => ({
    HOLDPOINT_DATA_DIR: house.home.dir,
    HOLDPOINT_CLICKHOUSE_URL: engine[user].url,
    HOLDPOINT_CLICKHOUSE_USER: engine[user].user,
    HOLDPOINT_CLICKHOUSE_PASSWORD: engine[user].password,
    HOLDPOINT_CLICKHOUSE_DATABASE: engine[user].database,
  })

  function sceneOf(env: Record<string, string> = {}, { aheadMs = 0, deep = false } = {}): Scene {
    const { dir } = house.home
    const config = readConfig({ cwd: dir, env: { ...variables(), ...env } })
    const scene = openScene(config, { cwd: dir, now: () => house.clock.now() + aheadMs }, { deep })
    scenes.push(scene)
    return scene
  }

  /** All that is not well about one thing; each with why it matters and what mends it. */
  async function complaints(check: Check, name: string, scene = sceneOf()): Promise<Finding[]> {
    const found = (await check(scene)).filter((finding) => finding.check === name && finding.level !== 'ok')
    for (const { level, why, mend } of found)
      if (level !== 'assumed') expect([why, mend]).toEqual([expect.any(String), expect.any(String)])
    return found
  }

  return { house: () => house, variables, sceneOf, complaints }
}

export const fault = (what: string | RegExp) => ({ level: 'fault', what: expect.stringMatching(what) })
export const warning = (what: string | RegExp) => ({ level: 'warning', what: expect.stringMatching(what) })

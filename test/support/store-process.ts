import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createEngine, createStore, type Engine, type Store } from '#store'
import { createFakeLog } from './log.ts'
import { fillMigrated } from './migrated.ts'
import { pause } from './pause.ts'
import { steadyPort } from './port.ts'

/**
 * The embedded engine, in the process of its own that it always has. What it has answered lies in the page cache,
 * which outlives the process that is killed: a power cut is another matter, and is not tried here.
 */
export interface StoreServer {
  engine: Engine
  store: Store
  pid(): number
  /** By SIGKILL; resolves once it has gone, and with it its lock and its port. */
  kill(): Promise<void>
  /** After it was killed: the same data at the same address. */
  restart(): Promise<void>
  stop(): Promise<void>
}

export async function startStore(): Promise<StoreServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'holdpoint-campaign-'))
  const port = await steadyPort()
  await fillMigrated(dataDir)
  const engine = createEngine({ dataDir, port, database: 'holdpoint' }, { log: createFakeLog() })
  await engine.start()
  const { url } = engine
  const store = createStore(engine.writer)
  return {
    engine,
    store,
    pid: () => engine.pid,
    async kill() {
      const { pid } = engine
      process.kill(pid, 'SIGKILL')
      while (isThere(pid)) await pause(5)
    },
    async restart() {
      await engine.start()
      if (engine.url !== url) throw new Error(`the store came back at ${engine.url}, and was at ${url}`)
    },
    async stop() {
      await store.close()
      await engine.stop()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

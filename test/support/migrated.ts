import { hash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { cp, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createEngine, createStore, readMigrations } from '#store'
import { createFakeLog } from './log.ts'

const PACKAGES = join(import.meta.dirname, '../../node_modules')
const CACHE = join(PACKAGES, '.cache')

/**
 * Makes `dataDir`, which is not there or is empty, the folder of an engine whose database `holdpoint` was migrated
 * before: `migrate` finds nothing to do. It is a copy of one that the engine itself made, once for these migrations.
 */
export async function fillMigrated(dataDir: string): Promise<void> {
  await cp(await migratedFolder(), dataDir, { recursive: true })
}

async function migratedFolder(): Promise<string> {
  for (;;) {
    const folder = await folderOfSchema()
    if (existsSync(folder)) return folder
    const made = await makeOne(`${folder}-`)
    // Somebody is at the migrations right now: which of them are in it nobody knows.
    const isCurrent = folder === (await folderOfSchema())
    // Another process may have been at the same one, and quicker.
    if (isCurrent) await rename(made, folder).catch(() => {})
    await rm(made, { recursive: true, force: true })
  }
}

async function folderOfSchema(): Promise<string> {
  const migrations = (await readMigrations()).map(({ sha256 }) => sha256)
  const { version } = JSON.parse(readFileSync(join(PACKAGES, 'chdb/package.json'), 'utf8'))
  return join(CACHE, `store-${hash('sha256', `${version} ${migrations.join(' ')}`).slice(0, 16)}`)
}

async function makeOne(prefix: string): Promise<string> {
  await mkdir(CACHE, { recursive: true })
  const dataDir = await mkdtemp(prefix)
  const engine = createEngine({ dataDir, port: 0, database: 'holdpoint' }, { log: createFakeLog() })
  await engine.start()
  const store = createStore(engine.writer)
  await store.migrate()
  await store.close()
  await engine.stop()
  return dataDir
}

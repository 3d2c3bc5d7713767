import { createEngine } from '#store'
import { silent } from './engine-fixture.ts'

/** A process that starts an engine, says its id, and is killed by the test. */
const engine = createEngine(
  { dataDir: process.argv[2] as string, port: 0, database: 'holdpoint' },
  { log: silent },
)
await engine.start()
process.send?.(engine.pid)

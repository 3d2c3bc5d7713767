import { createStore } from '#store'

/** A process that migrates once, and may be killed by the test at any moment. */
const store = createStore(JSON.parse(process.argv[2] as string))
try {
  const applied = await store.migrate()
  process.stdout.write(JSON.stringify(applied))
} finally {
  await store.close()
}

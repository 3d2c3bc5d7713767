import { mkdirSync } from 'node:fs'
import { type Handle, loadNative, type Native } from '../../src/store/engine/native.ts'
import { quoteString } from '../../src/store/engine/quote.ts'
import type { ToInsert } from '../bench/support/engine-inserts.ts'

let opened: { native: Native; handle: Handle } | undefined

process.on('message', (task: ToInsert) => {
  void insert(task).then(
    (ms) => process.send?.({ ms }),
    (error: unknown) => process.send?.({ error: String(error) }),
  )
})
process.on('disconnect', () => {
  if (opened) opened.native.CloseConnection(opened.handle)
  process.exit(0)
})

async function insert({ create, columns, files, dataDir, turn }: ToInsert): Promise<number> {
  opened ??= await open(create, dataDir)
  const { native, handle } = opened
  const run = (sql: string) => native.QueryAsyncConnection(handle, sql, 'Null')
  await run('TRUNCATE TABLE otel_traces')
  await run('TRUNCATE TABLE otel_traces_trace_id_ts')
  const startedAt = performance.now()
  for (const [nth, file] of files.entries())
    await run(
      `INSERT INTO otel_traces (${columns}) FROM INFILE ${quoteString(file)}
       SETTINGS insert_deduplication_token = ${quoteString(`${turn} ${nth}`)},
       deduplicate_blocks_in_dependent_materialized_views = 1 FORMAT RowBinary`,
    )
  return performance.now() - startedAt
}

async function open(create: readonly string[], dataDir: string) {
  mkdirSync(dataDir, { recursive: true })
  const native = loadNative()
  const handle = native.CreateConnection(dataDir, [])
  for (const sql of ['CREATE DATABASE holdpoint', 'USE holdpoint', ...create])
    await native.QueryAsyncConnection(handle, sql, 'Null')
  return { native, handle }
}

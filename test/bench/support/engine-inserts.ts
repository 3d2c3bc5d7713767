import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ClickHouseTarget } from '#store'
import { statement } from './ingest-round.ts'

/** The engine by itself: no server before it, no pipeline, nothing but its own INSERT from a file. */
export interface EngineInserts {
  rows: number
  /** Takes all blocks in, one after the other; resolves to the milliseconds that it took. */
  insert(): Promise<number>
  stop(): Promise<void>
}

export interface ToInsert {
  create: string[]
  columns: string
  files: string[]
  dataDir: string
  turn: number
}

const BLOCK_ROWS = 25_000
const TABLES = ['otel_traces', 'otel_traces_trace_id_ts', 'otel_traces_trace_id_ts_mv']
// Beside the tests of the room behind whose door it looks.
const CHILD = join(import.meta.dirname, '../../store/engine-inserts-child.ts')

/** For the rows that stand in `otel_traces` of this store now, into tables made in the same way. */
export async function createEngineInserts(source: ClickHouseTarget): Promise<EngineInserts> {
  const dir = mkdtempSync(join(tmpdir(), 'holdpoint-bench-'))
  const create: string[] = []
  for (const table of TABLES)
    create.push((await statement(source, `SHOW CREATE TABLE ${table} FORMAT TSVRaw`)).toString())
  const columns = (
    await statement(
      source,
      `SELECT name FROM system.columns WHERE database = '${source.database}' AND table = 'otel_traces'
       AND default_kind NOT IN ('ALIAS', 'MATERIALIZED') ORDER BY position FORMAT TSVRaw`,
    )
  )
    .toString()
    .trim()
    .split('\n')
    .map((name) => `\`${name}\``)
    .join(', ')
  const rows = Number(await statement(source, 'SELECT count() FROM otel_traces FORMAT TSVRaw'))
  const files: string[] = []
  for (let from = 0; from < rows; from += BLOCK_ROWS) {
    const file = join(dir, `block-${files.length}`)
    const sql = `SELECT ${columns} FROM otel_traces ORDER BY SpanId LIMIT ${BLOCK_ROWS} OFFSET ${from} FORMAT RowBinary`
    writeFileSync(file, await statement(source, sql))
    files.push(file)
  }

  const child = fork(CHILD, { env: { TZ: 'UTC', LANG: 'C.UTF-8' }, execArgv: [] })
  let turn = 0
  return {
    rows,
    async insert() {
      const answered = once(child, 'message')
      const task: ToInsert = { create, columns, files, dataDir: join(dir, 'data'), turn: ++turn }
      child.send(task)
      const [answer] = (await answered) as [{ ms?: number; error?: string }]
      if (answer.ms === undefined) throw new Error(`the engine by itself: ${answer.error}`)
      return answer.ms
    },
    async stop() {
      const ended = once(child, 'exit')
      child.disconnect()
      await ended
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

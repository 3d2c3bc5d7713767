import { randomUUID } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Circumstances, Connection, Connections } from './connection.ts'
import { refuse } from './error.ts'
import { splitFormat } from './format.ts'
import { quoteString } from './quote.ts'
import type { EngineRequest } from './request.ts'

export interface Result {
  bytes: Uint8Array
  format: string
  summary: Record<string, number>
  /** Seconds. */
  elapsed: number
}

/** The engine trims blank lines at the end of data behind a statement, which only formats of lines survive. */
const INLINE = /^JSON(Compact|Strings|CompactStrings)?EachRow$/i

/** Runs one statement of the writer: `INSERT … FORMAT …` with its data in the body, or any other whole in `query`. */
export async function runAsWriter(
  connections: Connections,
  incoming: string,
  request: EngineRequest,
): Promise<Result> {
  const { query, body, settings, params } = request
  // Only this file names files: data may come from the body and from nowhere else.
  if (/\b(IN|OUT)FILE\b/i.test(query)) throw refuse(497, 'Files may not be named here.')
  const circumstances: Circumstances = { role: 'writer', settings, params, readonly: false }
  return connections.use(circumstances, async (connection) => {
    const { statementCount, queryClass } = await connection.classify(query)
    if (statementCount > 1) throw refuse(62, `One statement at a time, not ${statementCount}.`)
    if (queryClass === 2 || queryClass === 3)
      throw refuse(497, 'SET, USE, SYSTEM and what reaches beyond tables may not be run here.')
    if (body.length > 0) return insert(connection, incoming, query, body)
    // An insert of no rows is none; the engine would complain that there is no data.
    if (/^\s*INSERT\b/i.test(query) && splitFormat(query).format !== undefined)
      return { bytes: new Uint8Array(), format: 'TabSeparated', summary: { written_rows: 0 }, elapsed: 0 }
    const { statement, format = request.format ?? 'TabSeparated' } = splitFormat(query)
    const { bytes, rowsRead, bytesRead, elapsed } = await connection.query(statement, format)
    return { bytes, format, summary: { read_rows: rowsRead, read_bytes: bytesRead }, elapsed }
  })
}

async function insert(connection: Connection, incoming: string, sql: string, data: Buffer): Promise<Result> {
  const { statement, format } = splitFormat(sql)
  if (format === undefined)
    throw refuse(62, 'Data came with a statement that does not end in FORMAT and its name.')
  const written = INLINE.test(format)
    ? await connection.insertRaw(`${statement} FORMAT ${format}`, data)
    : await insertFromFile(connection, incoming, statement, format, data)
  return {
    bytes: new Uint8Array(),
    format,
    summary: { written_rows: written.rowsWritten, written_bytes: written.bytesWritten },
    elapsed: 0,
  }
}

/** Binary data has to come from a file, byte for byte. */
async function insertFromFile(
  connection: Connection,
  incoming: string,
  statement: string,
  format: string,
  data: Buffer,
): Promise<{ rowsWritten: number; bytesWritten: number }> {
  const path = join(incoming, randomUUID())
  try {
    await writeFile(path, data, { mode: 0o600 })
    const result = await connection.query(
      `${statement} FROM INFILE ${quoteString(path)} FORMAT ${format}`,
      'Null',
    )
    return { rowsWritten: result.rowsRead, bytesWritten: data.length }
  } finally {
    await rm(path, { force: true })
  }
}

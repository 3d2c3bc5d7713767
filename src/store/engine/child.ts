import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { placesBelow, writeConfig } from './access.ts'
import { type Connections, openConnections } from './connection.ts'
import { type Functions, readFunctions } from './functions.ts'
import { loadNative } from './native.ts'
import type { ChildMessage, FailureReason, ParentMessage, StartMessage } from './protocol.ts'
import { quoteIdentifier } from './quote.ts'
import { runAsReader } from './read.ts'
import { createEngineServer } from './server.ts'
import { runAsWriter } from './write.ts'

/** The process of the embedded engine. It knows two passwords and a folder, and no key of Holdpoint. */
let stop: (() => Promise<void>) | undefined

process.on('message', (message: ParentMessage) => {
  if (message.type === 'start') void start(message).catch(fail)
  else void shutDown()
})
// Without its parent nobody would ever stop it, and its lock would keep the next one out.
process.on('disconnect', () => void shutDown())
// A terminal sends Ctrl+C to the whole group; the parent decides when its engine stops.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => void shutDown())

async function start(message: StartMessage): Promise<void> {
  const { database } = message
  const places = placesBelow(message.dataDir)
  const native = loadNative()
  const argument = await writeConfig(places, database)
  const connections = openConnections(native, places.data, [argument], database)
  stop = () => connections.close()
  await emptyFolder(places.incoming)
  const { version, functions } = await prepare(connections, native, places.data, argument, database)
  const server = createEngineServer({
    ...message,
    read: (request) => runAsReader(connections, { database, functions }, request),
    write: (request) => runAsWriter(connections, places.incoming, request),
  })
  await new Promise<void>((listening, failed) => {
    server.once('error', failed)
    server.listen(message.port, '127.0.0.1', listening)
  })
  stop = async () => {
    const closed = new Promise<void>((done) => server.close(() => done()))
    server.closeIdleConnections()
    await connections.close()
    server.closeAllConnections()
    await closed
  }
  tell({ type: 'ready', version })
}

async function prepare(
  connections: Connections,
  native: ReturnType<typeof loadNative>,
  path: string,
  argument: string,
  database: string,
): Promise<{ version: string; functions: Functions }> {
  // Before the database is there, no connection can be narrowed to it.
  const first = native.CreateConnection(path, [argument])
  try {
    await native.QueryAsyncConnection(
      first,
      `SET ROLE writer; CREATE DATABASE IF NOT EXISTS ${quoteIdentifier(database)}`,
      'Null',
    )
  } finally {
    native.CloseConnection(first)
  }
  const reading = { role: 'reader', settings: {}, params: {}, readonly: true } as const
  return connections.use(reading, async (connection) => ({
    version: Buffer.from((await connection.query('SELECT version()', 'TSVRaw')).bytes)
      .toString()
      .trim(),
    functions: await readFunctions(connection),
  }))
}

/** Data that a killed engine was about to take: the client has not been told that it is in. */
async function emptyFolder(path: string): Promise<void> {
  for (const name of await readdir(path)) await rm(join(path, name), { force: true })
}

function fail(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error)
  const code = (error as { code?: unknown } | undefined)?.code
  tell({ type: 'failed', reason: reasonOf(message, code), message }, () => void shutDown())
}

function reasonOf(message: string, code: unknown): FailureReason {
  if (code === 'EADDRINUSE' || code === 'EACCES') return 'port-taken'
  if (code === 'MODULE_NOT_FOUND' || /no native binding/.test(message)) return 'not-installed'
  return 'other'
}

let stopping: Promise<void> | undefined

function shutDown(): Promise<void> {
  stopping ??= (async () => {
    await stop?.()
    tell({ type: 'stopped' }, () => process.exit(0))
  })().catch(() => process.exit(1))
  return stopping
}

function tell(message: ChildMessage, then = () => {}): void {
  if (process.connected) process.send?.(message, then)
  else then()
}

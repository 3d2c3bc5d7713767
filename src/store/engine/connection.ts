import { fromNative, refuse } from './error.ts'
import type { Classification, Native, NativeResult } from './native.ts'
import { quoteIdentifier, quoteString } from './quote.ts'

export type Role = 'reader' | 'writer'

/** What a statement runs under. Settings and parameters live as long as the connection: one statement. */
export interface Circumstances {
  role: Role
  settings: Readonly<Record<string, string>>
  /** Values of `{name:Type}`, escaped as in the URL parameters `param_name`. */
  params: Readonly<Record<string, string>>
  /** Set last: from then on nothing may be set any more. */
  readonly: boolean
}

export interface Connection {
  query(sql: string, format: string): Promise<NativeResult>
  insertRaw(prefix: string, data: Buffer): Promise<{ rowsWritten: number; bytesWritten: number }>
  classify(sql: string): Promise<Classification>
}

export interface Connections {
  use<T>(circumstances: Circumstances, run: (connection: Connection) => Promise<T>): Promise<T>
  close(): Promise<void>
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/

/**
 * A connection of its own for each statement (1 ms): it serialises what runs on it, and what one client sets
 * would stick to the next. One more stays open, because the last one to close stops the engine.
 */
export function openConnections(native: Native, path: string, args: string[], database: string): Connections {
  const keeper = native.CreateConnection(path, args)
  const running = new Set<Promise<unknown>>()
  let closed = false

  async function use<T>(
    circumstances: Circumstances,
    run: (connection: Connection) => Promise<T>,
  ): Promise<T> {
    if (closed) throw refuse(236, 'The engine is stopping.')
    const handle = native.CreateConnection(path, args)
    const query = (sql: string, format: string) => native.QueryAsyncConnection(handle, sql, format)
    try {
      await narrow(query, circumstances, database)
      return await run({
        query,
        insertRaw: (prefix, data) => native.InsertRawAsyncConnection(handle, prefix, data, false),
        classify: (sql) => native.DurableClassifyAsync(handle, sql, database),
      })
    } catch (error) {
      throw fromNative(error)
    } finally {
      native.CloseConnection(handle)
    }
  }

  return {
    use(circumstances, run) {
      const done = use(circumstances, run)
      const settled = done.catch(() => {}).finally(() => running.delete(settled))
      running.add(settled)
      return done
    },
    async close() {
      if (closed) return
      closed = true
      // Closing a connection under a running statement would take the engine down with it.
      await Promise.all(running)
      native.CloseConnection(keeper)
    },
  }
}

async function narrow(
  query: Connection['query'],
  circumstances: Circumstances,
  database: string,
): Promise<void> {
  const { role, settings, params, readonly } = circumstances
  const assignments = [
    ...Object.entries(params).map(([name, value]) => assign(`param_${name}`, value)),
    ...Object.entries(settings).map(([name, value]) => assign(name, value)),
    ...(readonly ? ['readonly = 1'] : []),
  ]
  const statements = [`SET ROLE ${role}`, `USE ${quoteIdentifier(database)}`]
  if (assignments.length > 0) statements.push(`SET ${assignments.join(', ')}`)
  statements.push(`SELECT arrayStringConcat(currentRoles(), ',')`)
  const { bytes } = await query(statements.join(';\n'), 'TSVRaw')
  // Had the role not been taken, the connection would have the rights of both.
  if (Buffer.from(bytes).toString().trim() !== role) throw refuse(497, `The role ${role} could not be taken.`)
}

function assign(name: string, value: string): string {
  if (!NAME.test(name)) throw refuse(36, `${JSON.stringify(name)} is not the name of a setting or parameter.`)
  return `${name} = ${quoteString(value)}`
}

import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** The addon's own functions. The package's `Session` has neither raw SQL prefixes nor the statement classifier. */
export interface Native {
  CreateConnection(path: string, args?: readonly string[]): Handle
  CloseConnection(handle: Handle): void
  QueryAsyncConnection(handle: Handle, sql: string, format: string): Promise<NativeResult>
  InsertRawAsyncConnection(
    handle: Handle,
    prefix: string,
    data: Buffer,
    countLines: boolean,
  ): Promise<{ elapsed: number; rowsWritten: number; bytesWritten: number }>
  DurableClassifyAsync(handle: Handle, sql: string, database: string): Promise<Classification>
}

export type Handle = { readonly native: unique symbol }

export interface NativeResult {
  bytes: Uint8Array
  /** Seconds. */
  elapsed: number
  rowsRead: number
  bytesRead: number
}

export interface Classification {
  statementCount: number
  /** 0 read-only · 1 changes a database · 2 changes global objects · 3 SET, SYSTEM, files … · 4 not understood. */
  queryClass: number
}

const NEEDED = [
  'CreateConnection',
  'CloseConnection',
  'QueryAsyncConnection',
  'InsertRawAsyncConnection',
  'DurableClassifyAsync',
] as const

/** Throws with code `MODULE_NOT_FOUND` when chdb is not installed. */
export function loadNative(): Native {
  const require = createRequire(import.meta.url)
  const home = dirname(require.resolve('chdb/package.json'))
  const native = require(join(home, 'dist', 'loader.js')).loadNative() as Native
  const missing = NEEDED.filter((name) => typeof native[name] !== 'function')
  if (missing.length > 0) throw new Error(`this version of chdb lacks ${missing.join(', ')}`)
  return native
}

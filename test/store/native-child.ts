import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** A process with the bare engine under a configuration of the test's own: statements in, answers out. */
interface Native {
  CreateConnection(path: string, args: readonly string[]): unknown
  CloseConnection(handle: unknown): void
  QueryAsyncConnection(handle: unknown, sql: string, format: string): Promise<{ bytes: Uint8Array }>
}

const require = createRequire(import.meta.url)
const { loadNative } = require(join(dirname(require.resolve('chdb/package.json')), 'dist', 'loader.js')) as {
  loadNative(): Native
}
const [dataDir = '', config = ''] = process.argv.slice(2)
const native = loadNative()
const open = () => native.CreateConnection(dataDir, [`--config-file=${config}`])
// While one is open, the engine stays.
open()

process.on('message', (statements: string[]) => {
  void answer(statements).then((result) => process.send?.(result))
})
process.on('disconnect', () => process.exit(0))

/** All on one connection, which begins anew with each call. */
async function answer(statements: string[]): Promise<{ text: string } | { error: string }> {
  const handle = open()
  try {
    let text = ''
    for (const statement of statements)
      text = Buffer.from((await native.QueryAsyncConnection(handle, statement, 'TSVRaw')).bytes).toString()
    return { text: text.trim() }
  } catch (error) {
    return { error: (error as Error).message }
  } finally {
    native.CloseConnection(handle)
  }
}

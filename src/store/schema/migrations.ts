import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { HoldpointError } from '#contract'

const FOLDER = new URL('../sql/', import.meta.url)

/** One file of `sql`, as a single server takes it; `renderStatement` makes a cluster's statements out of it. */
export interface Migration {
  version: number
  name: string
  /** Of the file. It is recorded in every store, so a file that was released is never edited. */
  sha256: string
  statements: string[]
}

export async function readMigrations(folder: URL = FOLDER): Promise<Migration[]> {
  const files = (await readdir(folder)).filter((file) => /^\d{3}-.*\.sql$/.test(file)).sort()
  const twice = files.find((file, at) => at > 0 && file.slice(0, 3) === files[at - 1]?.slice(0, 3))
  if (twice) throw new HoldpointError('INTERNAL', `two migrations have the number of ${twice}`)
  return Promise.all(
    files.map(async (file) => {
      const text = await readFile(new URL(file, folder), 'utf8')
      return {
        version: Number(file.slice(0, 3)),
        name: file.replace(/\.sql$/, ''),
        sha256: createHash('sha256').update(text).digest('hex'),
        statements: splitStatements(text),
      }
    }),
  )
}

/** Our own files end a statement with a semicolon at the end of a line, and a comment has its own line. */
const splitStatements = (text: string): string[] =>
  text
    .replace(/^\s*--.*\n?/gm, '')
    .split(/;[ \t]*$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '')

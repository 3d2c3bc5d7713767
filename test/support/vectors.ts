import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, test } from 'vitest'

/** Public test vectors are data of others and not part of this project: they lie beside it. */
const folder = resolve(
  process.env.HOLDPOINT_VECTORS ?? resolve(import.meta.dirname, '../../../shared/vectors'),
)

/**
 * Tests that need them. Where they are missing a run says so, and in CI it fails: nobody may take a green run
 * for one that has compared with the world's vectors.
 */
export function describeVectors(name: string, define: () => void): void {
  const sayMissing = () =>
    test(`needs the public test vectors: put them into ${folder}, or set HOLDPOINT_VECTORS`, (context) => {
      if (process.env.CI) throw new Error(`there is no ${folder}`)
      context.skip()
    })
  describe(name, existsSync(folder) ? define : () => void sayMissing())
}

export const readVector = (path: string): string => readFileSync(vectorPath(path), 'utf8')

export const readJsonVector = <T>(path: string): T => JSON.parse(readVector(path)) as T

/** Every file below a folder, as paths to read, in order. */
export function listVectors(path: string): string[] {
  const found = readdirSync(vectorPath(path), { recursive: true, withFileTypes: true })
  const names = found.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name))
  return names.map((name) => name.slice(folder.length + 1)).sort()
}

function vectorPath(path: string): string {
  const place = join(folder, path)
  if (!existsSync(place))
    throw new Error(
      `The public test vectors are missing: no ${path} in ${folder}. Put them there, or set HOLDPOINT_VECTORS to where they are.`,
    )
  return place
}

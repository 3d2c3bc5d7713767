import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Cell } from './points.ts'

const modules = join(import.meta.dirname, '../../../node_modules')
/** One JSON file for each framework, an array of cells; from these the compatibility table is generated. */
export const MATRIX_DIR = join(modules, '.cache/holdpoint/compatibility')

export function writeMatrix(framework: string, cells: readonly Cell[]): void {
  mkdirSync(MATRIX_DIR, { recursive: true })
  writeFileSync(join(MATRIX_DIR, `${framework}.json`), `${JSON.stringify(cells, null, 2)}\n`)
}

export const installedVersion = (name: string): string =>
  (JSON.parse(readFileSync(join(modules, name, 'package.json'), 'utf8')) as { version: string }).version

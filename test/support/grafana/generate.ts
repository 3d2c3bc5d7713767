import { spawnSync } from 'node:child_process'
import { join, resolve } from 'node:path'
import { ensureJsonnet } from './jsonnet.ts'

export const DASHBOARDS = resolve(import.meta.dirname, '../../../dashboards')

/** `time`, `number`, `text`, or `pairs` of keys and values: what a panel needs of a column. */
export type Kind = 'time' | 'number' | 'text' | 'pairs'

export interface Column {
  name: string
  title: string
  kind: Kind
  unit?: string
}

/** What a query of a panel, or of an annotation, is expected to return. */
export interface Expectation {
  file: string
  place: { panel: number; refId: string } | { annotation: string }
  name: string
  description: string
  columns: Column[]
}

export interface Generated {
  /** Contents by name, as they are written into dashboards/out. */
  files: Record<string, unknown>
  expectations: Expectation[]
}

let generated: Generated | undefined

/** Evaluates dashboards/main.jsonnet, once for each process. */
export function generateDashboards(): Generated {
  generated ??= JSON.parse(evaluate(join(DASHBOARDS, 'main.jsonnet'))) as Generated
  return generated
}

/** The same text from every implementation of jsonnet: its order of keys is fixed, its layout is not. */
export const printed = (content: unknown): string => `${JSON.stringify(content, null, 1)}\n`

export function evaluate(file: string): string {
  const { status, stdout, stderr, error } = spawnSync(ensureJsonnet(), [file], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  if (status !== 0) throw new Error(`${file} cannot be evaluated: ${error?.message ?? stderr}`)
  return stdout
}

/** What every instrumentation is tested for: the columns of the compatibility table. */
export const POINTS = [
  'allowed',
  'held',
  'exact-arguments',
  'denied',
  'expired',
  'timeout-stops',
  'aborted',
  'client-timeout',
  'process-death',
  'concurrent',
  'streaming',
  'own-error',
  'captured',
  'spans',
  'second-instrumentation',
  'telemetry-off',
  'unsupported-version',
] as const

export type Point = (typeof POINTS)[number]

/** One cell of the compatibility table. */
export interface Cell {
  framework: string
  package: string
  version: string
  copy: string
  point: Point
  /** `limit`: the framework itself cannot do it, and a test shows that. */
  result: 'works' | 'limit'
  note?: string
}

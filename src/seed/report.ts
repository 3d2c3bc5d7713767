import type { Planted } from './incidents/planted.ts'
import type { SeedOptions } from './options.ts'

/** What has been seeded, and where to look for what was planted. */
export interface SeedReport {
  options: SeedOptions
  /** Milliseconds since the epoch. */
  fromMs: number
  /** By table. */
  rows: Record<string, number>
  incidents: Planted[]
  /** The same week was there already: nothing was written. */
  isRepeated: boolean
}

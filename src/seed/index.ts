export type { Planted } from './incidents/planted.ts'
export { INCIDENTS, type Incident, type SeedOptions } from './options.ts'
export type { SeedReport } from './report.ts'
export { type SeedDeps, seedStore } from './seed-store.ts'

export { sqlCommand } from './command.ts'
export {
  type ClickHouseTarget,
  createEngine,
  type Engine,
  type EngineConfig,
  type EngineDeps,
} from './engine/engine.ts'
export { OF_THE_ROWS, PASSING } from './errors.ts'
export { LEDGER_COLUMNS, type LedgerPosition, type LedgerRow, toLedgerRow } from './ledger-rows.ts'
export {
  countViolations,
  type RowPlace,
  type ViolationCounts,
  type ViolationRow,
  type ViolationsFilter,
  violations,
  type WhoActedFilter,
  type WhoActedRow,
  whoActed,
} from './queries/investigate.ts'
export { actionsOfTrace, spansOfTrace, type TraceAction, type TraceSpan } from './queries/trace.ts'
export { FINDING_COLUMNS, type FindingRow, unixMilliText, unixNanoText } from './rows.ts'
export { schemaCommands } from './schema/command.ts'
export { readMigrations } from './schema/migrations.ts'
export { type Place, renderStatement } from './schema/render.ts'
export type { SchemaStatus } from './schema/status.ts'
export { createStore, type RowBlock, type SchemaConfig, type Store } from './store.ts'
export { printTable } from './table.ts'

export { createGate, type GateDeps } from './gate.ts'
export { refuse } from './refusal.ts'
export type {
  Answer,
  Execute,
  Foreseen,
  Gate,
  GateAttempt,
  GateConfig,
  Held,
  PendingApproval,
  Permit,
  Refusal,
  Requested,
  ResumeOptions,
  StillPending,
} from './types.ts'

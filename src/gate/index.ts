export { createGate, type GateDeps } from './gate.ts'
export type {
  Answer,
  Execute,
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

export { createGate, type GateDeps } from './gate.ts'
export { refuse } from './refusal.ts'
export { createResource, type ResourceDeps } from './resource.ts'
export type { Release } from './resource-release.ts'
export type { Resource, ResourceAction, ResourceConfig, ResourceRefusal, Verified } from './resource-types.ts'
export type {
  Answer,
  Execute,
  Foreseen,
  Gate,
  GateAttempt,
  GateConfig,
  Held,
  Looked,
  PendingApproval,
  Permit,
  Refusal,
  Requested,
  ResumeOptions,
  StillPending,
} from './types.ts'

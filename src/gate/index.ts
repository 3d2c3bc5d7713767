export { createGate, type GateDeps } from './gate.ts'
export type { Answer, Gate, GateAttempt, GateConfig, Held, Permit, Refusal } from './types.ts'

export type { ExpectedAllowed, ExpectedConsumed, ExpectedWarrant } from './claims.ts'
export { CLOCK_LEEWAY_S } from './claims.ts'
export { formatPin, thumbprint } from './key.ts'
export { createTrust, type Trust } from './trust.ts'

import type { GateAttempt } from '#gate'

/** Leaves out what is not known. */
export const attemptOf = (known: Loosely<GateAttempt>): GateAttempt =>
  Object.fromEntries(
    Object.entries(known).filter(([, value]) => value !== undefined),
  ) as unknown as GateAttempt

export type Loosely<T> = { [K in keyof T]: T[K] | undefined }

import type { Edit } from '../../support/guards.ts'

/** In these processes, so that pauses of seconds reach beyond it: how long a lane stands still before another goes on. */
export const TAKEOVER_MS = 2_000

export const QUICKER: readonly Edit[] = []

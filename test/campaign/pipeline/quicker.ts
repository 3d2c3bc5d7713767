import type { Edit } from '../../support/guards.ts'

/** How long a lane stands still before another pipeline goes on with it: in these processes shorter, so that pauses of
 * seconds reach beyond it. */
export const TAKEOVER_MS = 2_000

export const QUICKER: readonly Edit[] = [
  {
    file: 'src/pipeline/buffer/buffer.ts',
    find: 'takeoverMs = 10_000',
    replace: `takeoverMs = ${TAKEOVER_MS}`,
  },
]

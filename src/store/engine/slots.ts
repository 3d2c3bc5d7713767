import { refuse } from './error.ts'

const WAITING = 200

/** Lets `count` run at once and the next ones wait; refuses when too many wait. */
export function createSlots(count: number): <T>(run: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = []
  let free = count

  return async (run) => {
    if (free > 0) free--
    else if (waiting.length >= WAITING) throw refuse(202, `More than ${WAITING} statements are waiting.`)
    else await new Promise<void>((resume) => waiting.push(resume))
    try {
      return await run()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else free++
    }
  }
}

import { pause } from './pause.ts'

const EVERY_MS = 20
/** A look and the pause before it, on a quiet machine. */
const LOOK_MS = 40

/**
 * Looks until what is seen passes. Whatever makes a busy machine slow makes looking slow as well, so it comes too late
 * only when the time is over and so many looks are that a quiet machine would have had in that time.
 */
export async function seenWithin<T>(
  ms: number,
  look: () => Promise<T>,
  check: (seen: T) => void,
): Promise<void> {
  const until = performance.now() + ms
  for (let looks = 1; ; looks++) {
    const seen = await look()
    try {
      return check(seen)
    } catch (late) {
      if (performance.now() > until && looks * LOOK_MS > ms) throw late
    }
    await pause(EVERY_MS)
  }
}

/** One hostile request may have a reason for each of its items; as many are told as a person reads. */
const MAX_REASONS = 8

/** Counts what is refused for good, by reason. */
export function createRefusals() {
  const reasons = new Map<string, number>()
  let rejected = 0
  return {
    add(reason: string): void {
      rejected++
      if (reasons.size < MAX_REASONS || reasons.has(reason))
        reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
    },
    summary(): { rejected: number; errorMessage?: string } {
      if (rejected === 0) return { rejected }
      const told = [...reasons].map(([reason, count]) => `${count} × ${reason}`)
      const untold = rejected - [...reasons.values()].reduce((sum, count) => sum + count)
      if (untold > 0) told.push(`${untold} for other reasons`)
      return { rejected, errorMessage: told.join('; ') }
    },
  }
}

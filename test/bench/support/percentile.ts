/** `at` from 0 to 1; nearest rank. */
export function percentile(values: readonly number[], at: number): number {
  const sorted = [...values].sort((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.ceil(at * sorted.length) - 1)] ?? Number.NaN
}

/** Does the work every so often until the returned function is called. */
export type Every = (ms: number, work: () => void) => () => void

export const every: Every = (ms, work) => {
  const timer = setInterval(work, ms)
  return () => clearInterval(timer)
}

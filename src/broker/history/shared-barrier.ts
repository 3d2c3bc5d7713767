/**
 * One look at the ledger's end for all who ask while it is under way. Whoever asks meanwhile shares the next one:
 * the one under way may have looked before what they want to know of was committed.
 */
export function shareBarrier(barrier: () => Promise<void>): () => Promise<void> {
  let current: Promise<void> | undefined
  let next: Promise<void> | undefined

  function begin(): Promise<void> {
    const running = barrier().finally(() => {
      if (current === running) current = undefined
    })
    current = running
    return running
  }

  return () => {
    if (!current) return begin()
    next ??= current
      .catch(() => {})
      .then(() => {
        next = undefined
        return begin()
      })
    return next
  }
}

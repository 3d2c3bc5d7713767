/** Those who wait until the next index is at least theirs. */
export function createWaiters() {
  const waiting = new Set<{ index: number; resolve(): void; reject(error: unknown): void }>()
  return {
    until: (index: number): Promise<void> =>
      new Promise((resolve, reject) => waiting.add({ index, resolve, reject })),
    reached(index: number): void {
      for (const waiter of waiting) {
        if (waiter.index > index) continue
        waiting.delete(waiter)
        waiter.resolve()
      }
    },
    rejectAll(error: unknown): void {
      for (const waiter of waiting) waiter.reject(error)
      waiting.clear()
    },
  }
}

/** The promise's own end, or `late()` thrown after `timeoutMs`. */
export async function within<T>(timeoutMs: number, promise: Promise<T>, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), timeoutMs)
  })
  try {
    return await Promise.race([promise, tooLate])
  } finally {
    clearTimeout(timer)
  }
}

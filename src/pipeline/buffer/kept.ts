import type { TelemetryStream } from './stream.ts'

/**
 * What is stored stays in the stream for a while: it is by what stands there that a nats-server knows, after a start,
 * which requests it has had before, and a sender whose answer was lost sends again after it.
 */
export interface Kept {
  add(stored: { stream: string; to: number; bytes: number }): void
  /** What the cursor says is stored; nothing beyond it is, whatever this process remembers of it. */
  limit(to: number): void
  /** Removes what has been there long enough, and what takes too much room. Throws UNAVAILABLE. */
  trim(): Promise<void>
}

export function createKept(
  { lane, keepMs, keepBytes }: { lane: number; keepMs: number; keepBytes: number },
  { stream, elapsed }: { stream: Pick<TelemetryStream, 'purge'>; elapsed: () => number },
): Kept {
  let batches: { stream: string; to: number; bytes: number; sinceMs: number }[] = []

  return {
    add(stored) {
      batches.push({ ...stored, sinceMs: elapsed() })
    },
    limit(to) {
      batches = batches.filter((batch) => batch.to <= to)
    },
    async trim() {
      let bytes = batches.reduce((sum, batch) => sum + batch.bytes, 0)
      const over = batches.findIndex(({ sinceMs, bytes: own }) => {
        const stays = bytes <= keepBytes && elapsed() - sinceMs < keepMs
        bytes -= own
        return stays
      })
      const going = over === -1 ? batches : batches.slice(0, over)
      const last = going.at(-1)
      if (last === undefined) return
      await stream.purge(lane, last.stream, last.to)
      batches = batches.slice(going.length)
    },
  }
}

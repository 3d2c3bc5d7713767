import { type Cursors, storedUpTo } from './cursor.ts'
import type { TelemetryStream } from './stream.ts'

/**
 * When the oldest telemetry of these lanes has arrived that is not stored yet, whoever is to store it; milliseconds,
 * undefined while all is stored. Throws UNAVAILABLE, retryable.
 */
export async function oldestUnstored(
  lanes: Iterable<number>,
  { cursors, stream }: { cursors: Pick<Cursors, 'read'>; stream: Pick<TelemetryStream, 'info' | 'next'> },
): Promise<number | undefined> {
  const { created, lastSeq } = await stream.info()
  const arrivals = await Promise.all(
    [...lanes].map(async (lane) => {
      const { record } = await cursors.read(lane)
      const from = (record?.stream === created ? storedUpTo(record) : 0) + 1
      if (from > lastSeq) return []
      const [first] = await stream.next(lane, from, 1)
      return first ? [first.receivedAtMs] : []
    }),
  )
  const waiting = arrivals.flat()
  return waiting.length === 0 ? undefined : Math.min(...waiting)
}

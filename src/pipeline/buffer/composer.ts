import { HoldpointError } from '#contract'
import type { CursorRecord } from './cursor.ts'
import type { Waiting } from './message.ts'
import type { TelemetryStream } from './stream.ts'

/** What is stored under one record of a cursor: all that the lane has from `from` to `to`. */
export interface Composed {
  stream: string
  from: number
  to: number
  messages: readonly Waiting[]
  bytes: number
}

export interface BatchLimits {
  items: number
  bytes: number
  /** How long a batch that is not full waits for more. */
  lingerMs: number
}

export interface Composer {
  /** The lane's first batch after `after.to`, whatever was read before: its cursor may stand further back by now. */
  first(after: { stream: string; to: number }): Promise<Composed | undefined>
  /** The batch that follows on the one before; undefined while there is nothing. */
  next(after: { stream: string; to: number }): Promise<Composed | undefined>
  /** The batch of this record once more, whole. Without its last message it was removed after it had been stored. */
  again(record: CursorRecord): Promise<Composed>
}

/**
 * Every copy of a stream holds a beginning of it, so what one answer gives has no gaps: `to` is the number of its last
 * message, and whoever reads up to that number has read all of the batch.
 */
export function createComposer(
  { lane, limits }: { lane: number; limits: BatchLimits },
  { stream, sleep }: { stream: TelemetryStream; sleep: (ms: number) => Promise<void> },
): Composer {
  /** Read already, and more than the last batch took. */
  let ahead: Waiting[] = []

  async function fill(from: number): Promise<void> {
    ahead = ahead.filter(({ seq }) => seq >= from)
    const room = limits.bytes - bytesOf(ahead)
    if (room > 0) ahead.push(...(await stream.next(lane, (ahead.at(-1)?.seq ?? from - 1) + 1, room)))
  }

  const isFull = (): boolean => bytesOf(ahead) >= limits.bytes || itemsOf(ahead) >= limits.items

  async function next(after: { stream: string; to: number }): Promise<Composed | undefined> {
    const from = after.to + 1
    await fill(from)
    if (ahead.length === 0) return undefined
    if (!isFull()) {
      await sleep(limits.lingerMs)
      await fill(from)
    }
    // Asked afterwards: what was read stands in the stream that is there now.
    const { created } = await stream.info()
    if (created !== after.stream) {
      ahead = []
      throw new HoldpointError('UNAVAILABLE', 'the stream of telemetry is another one now', {
        retryable: true,
      })
    }
    const messages = ahead.slice(0, countOf(ahead, limits))
    const to = messages.at(-1)?.seq as number
    return { stream: created, from, to, messages, bytes: bytesOf(messages) }
  }

  return {
    async first(after) {
      ahead = []
      return next(after)
    },
    next,
    async again({ stream: created, from, to }) {
      ahead = []
      const messages: Waiting[] = []
      for (let next = from; next <= to; ) {
        const some = await stream.next(lane, next, limits.bytes)
        messages.push(...some.filter(({ seq }) => seq <= to))
        if (some.length === 0) break
        next = (some.at(-1)?.seq as number) + 1
      }
      if (messages.at(-1)?.seq === to)
        return { stream: created, from, to, messages, bytes: bytesOf(messages) }
      await assertRemoved(stream, to)
      return { stream: created, from, to, messages: [], bytes: 0 }
    },
  }
}

/** A copy that is behind knows nothing of them yet; that is no reason to take them for stored. */
async function assertRemoved(stream: TelemetryStream, to: number): Promise<void> {
  const { lastSeq } = await stream.info()
  if (lastSeq >= to && !(await stream.has(to))) return
  throw new HoldpointError('UNAVAILABLE', 'a copy of the stream of telemetry is behind', { retryable: true })
}

/** How many of them are one batch; at least one. */
function countOf(messages: readonly Waiting[], { items, bytes }: BatchLimits): number {
  let count = 0
  let itemsSoFar = 0
  let bytesSoFar = 0
  for (const message of messages) {
    itemsSoFar += message.items
    bytesSoFar += message.body.length
    if (count > 0 && (itemsSoFar > items || bytesSoFar > bytes)) break
    count++
  }
  return count
}

const bytesOf = (messages: readonly Waiting[]): number =>
  messages.reduce((sum, { body }) => sum + body.length, 0)
const itemsOf = (messages: readonly Waiting[]): number => messages.reduce((sum, { items }) => sum + items, 0)

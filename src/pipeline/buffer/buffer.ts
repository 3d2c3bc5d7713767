import { randomBytes } from 'node:crypto'
import type { NatsConnection } from '@nats-io/transport-node'
import { HoldpointError, TELEMETRY_STREAM } from '#contract'
import { type Component, composeComponents, type Log, whileRunning } from '#runtime'
import { createCursors } from './cursor.ts'
import { createDeadLetters } from './dead-letters.ts'
import { oldestUnstored } from './lag.ts'
import { createLane, type Lane } from './lane.ts'
import { createLine } from './line.ts'
import { createMeasures } from './measures.ts'
import type { Storing } from './portion.ts'
import { type Admitted, createPublisher } from './publish.ts'
import { createTelemetryStream } from './stream.ts'

export interface BufferConfig {
  lanes: number
  /** The bound of HP_TELEMETRY; up to half of it is kept after it is stored. */
  bufferBytes: number
  /** Preset: 10 s. */
  takeoverMs?: number
  /** Preset: 500 ms. */
  pollMs?: number
  /** Preset: 100 ms. */
  lingerMs?: number
  /** How long what is stored is kept, while there is room. Preset: 10 minutes, as long as requests are known. */
  keepMs?: number
  /** How often it looks for lanes that only others have. Preset: 30 s. */
  lanesMs?: number
}

export interface BufferDeps {
  /** For telemetry alone, so that a flood of it never delays the ledger. */
  nc: NatsConnection
  storing: Storing
  now: () => number
  /** Milliseconds of a clock that only goes forward. Preset: the process' own. */
  elapsed?: () => number
  log: Log
}

/** Keeps telemetry in NATS until it is stored. */
export interface Buffer extends Component {
  /** Returns once all of it is on NATS' disk. Throws UNAVAILABLE, retryable: the same request may come again. */
  accept(request: Admitted): Promise<void>
  /** The largest piece that fits into a message. */
  maxPieceBytes(): number
  /** Undefined while it can. */
  whyNotReady(): string | undefined
}

const MOST_ITEMS = 25_000
const MOST_BYTES = 16 * 2 ** 20
/** The server’s bound counts headers, too. The longest are a dead letter’s: 1,000 characters of reason, 4,000 of names. */
const HEADER_BYTES = 48 * 1024

/**
 * Nothing that was acknowledged is lost, and nothing is stored twice, with any number of pipelines.
 *
 * *Acknowledged* is what NATS has on disk: the answer to the sender comes after every acknowledgement. A message leaves
 * the stream only by a purge of what is stored; the stream itself refuses what is too much, and ages nothing.
 *
 * *Stored* is decided by the cursor of a lane (cursor.ts). It names the batch, all of the lane's messages from `from` to
 * `to`, before any of it is inserted; inserts carry a token made of that; the next record is written only when all of
 * them are done, on the very record that we wrote. So wherever a writer dies:
 *
 * - before the record is written: nothing was inserted, and whoever is next makes a batch of its own.
 * - after it, before, between or after the inserts, or after a paused insert went on: the record stands still, another
 *   writer takes the lane over with the same `from` and `to`, reads the same messages (never what a copy that is behind
 *   leaves out: the message `to` itself has to be among them) and inserts the same batch under the same tokens; the
 *   store takes each once.
 * - after the last insert, before the next record: the same.
 * - while a batch is taken apart, because it is refused: which parts are stands in the record before a half is stored.
 *
 * What a number names is settled by the token, too, which says when the stream was made and when its last message came:
 * a stream that is put back to a backup gives the same numbers to other messages.
 *
 * And whoever is only paused, by a signal, by NATS or by the store, while another takes over: its next record is refused,
 * so it makes no second batch of the same messages; an insert it still makes has the same token. The store remembers
 * 10,000 tokens of a table. So that nobody wakes up after those, each insert is preceded by a look at the monotonic
 * clock, and where the lane was not confirmed lately, at the cursor. What remains is a pause in the very instant between
 * look and insert, for as long as others need for 10,000 batches.
 *
 * *Sent again* (an answer that was lost, a 503 after some of the pieces): the same bytes have the same message ids, of
 * which the stream takes each once in ten minutes. A server that starts again knows the ids of what stands in the
 * stream, so what is stored is kept there for that time, or as long as half of the bound has room for it.
 */
export function createBuffer(config: BufferConfig, deps: BufferDeps): Buffer {
  const { lanes, bufferBytes, takeoverMs = 10_000, pollMs = 500, lingerMs = 100 } = config
  const { keepMs = 600_000, lanesMs = 30_000 } = config
  const { nc, storing, now, log, elapsed = () => performance.now() } = deps
  const writer = randomBytes(8).toString('hex')
  const line = createLine({ nc })
  const stream = createTelemetryStream({ line })
  const cursors = createCursors({ line })
  const deadLetters = createDeadLetters({ line, now })
  const measures = createMeasures({ now })
  const running = new Map<number, Lane>()
  const publisher = createPublisher(
    { lanes },
    { line, stream, cursors, onPublished: (lane) => running.get(lane)?.ring() },
  )

  function laneOf(lane: number): Lane {
    const limits = { items: MOST_ITEMS, bytes: MOST_BYTES, lingerMs }
    const keepBytes = bufferBytes / 2 / lanes
    return createLane(
      { lane, writer, limits, takeoverMs, pollMs, keepMs, keepBytes },
      { cursors, stream, deadLetters, storing, measures, log, elapsed },
    )
  }

  async function startLanes(): Promise<void> {
    // Where there were more of them once, or are in another pipeline's configuration, something may wait.
    const found = await stream.lanes()
    for (const lane of [...Array.from({ length: lanes }, (_, lane) => lane), ...found]) {
      if (running.has(lane) || isStopping) continue
      const started = laneOf(lane)
      running.set(lane, started)
      await started.start()
    }
  }

  let isStopping = false
  let looking: NodeJS.Timeout | undefined
  const writers: Component = {
    name: 'lanes of the buffer',
    async start() {
      await startLanes().catch((cause: unknown) => {
        const text = `${TELEMETRY_STREAM} cannot be read; \`holdpoint up\` makes it, and \`holdpoint doctor\` says more`
        throw new HoldpointError('UNAVAILABLE', text, { cause, retryable: true })
      })
      const look = () => void startLanes().catch((error) => log.debug('lanes were not looked for', { error }))
      looking = setInterval(look, lanesMs).unref()
    },
    async stop() {
      isStopping = true
      clearInterval(looking)
      await Promise.all([...running.values()].map((lane) => lane.stop()))
    },
  }
  const oldestMs = () => oldestUnstored(running.keys(), { cursors, stream })
  const gauges = whileRunning('gauges of the buffer', () => measures.watch({ size: stream.info, oldestMs }))

  return {
    ...composeComponents([line, gauges, writers], log, 'buffer'),
    maxPieceBytes: () => (nc.info?.max_payload ?? 2 ** 20) - HEADER_BYTES,
    whyNotReady: () => (line.isDown() ? 'NATS cannot be reached' : undefined),
    async accept(request) {
      try {
        await publisher.publish(request)
      } catch (error) {
        measures.refused()
        throw error
      }
    },
  }
}

import { HoldpointError, telemetrySubject } from '#contract'
import type { Signal } from '../otlp/signal.ts'
import { type Cursors, storedUpTo } from './cursor.ts'
import type { Line } from './line.ts'
import { headersOf } from './message.ts'
import type { TelemetryStream } from './stream.ts'

/** A request that was admitted, cut into pieces that fit into a message each. */
export interface Admitted {
  signal: Signal
  pieces: readonly Uint8Array[]
  items: number
  receivedAtMs: number
  /** Names the request: the same pieces have the same. */
  digest: string
}

export interface Publisher {
  /**
   * Returns once NATS has all of it on disk. Throws UNAVAILABLE, retryable: then all of it, or some, or nothing may stand
   * there, and whoever sends the same request again makes up what is missing, and doubles nothing.
   */
  publish(request: Admitted): Promise<void>
}

const MAKE_ROOM_EVERY_MS = 100

export function createPublisher(
  { lanes }: { lanes: number },
  deps: { line: Line; stream: TelemetryStream; cursors: Cursors; onPublished: (lane: number) => void },
): Publisher {
  const { line, stream, cursors, onPublished } = deps
  let makingRoom: Promise<void> | undefined

  async function publishPiece({ signal, pieces, items, receivedAtMs, digest }: Admitted, number: number) {
    const lane = (Number.parseInt(digest.slice(-8), 16) + number) % lanes
    const body = pieces[number] as Uint8Array
    const about = { receivedAtMs, items: Math.ceil(items / pieces.length) }
    const headers = headersOf(`${digest} ${number}`, about)
    const published = await line.publish(telemetrySubject(lane, signal), body, headers)
    if (published.ok) onPublished(lane)
    return published
  }

  /** All that is known to be stored goes: no sender has to wait for what is only kept for safety. */
  async function makeRoom(): Promise<void> {
    const { created } = await stream.info()
    for (const lane of await stream.lanes()) {
      const { record } = await cursors.read(lane)
      if (record?.stream === created) await stream.purge(lane, created, storedUpTo(record))
    }
  }

  return {
    async publish(request) {
      for (let attempt = 0; ; attempt++) {
        const all = await Promise.allSettled(request.pieces.map((_, number) => publishPiece(request, number)))
        const failed = all.find((one) => one.status === 'rejected')
        if (failed) throw failed.reason
        if (all.every((one) => one.status === 'fulfilled' && one.value.ok)) return
        if (attempt > 0) throw full()
        makingRoom ??= makeRoom().finally(() => {
          // Whoever comes in the meantime tries once more all the same.
          setTimeout(() => {
            makingRoom = undefined
          }, MAKE_ROOM_EVERY_MS).unref()
        })
        await makingRoom
      }
    },
  }
}

const full = (): HoldpointError =>
  new HoldpointError('UNAVAILABLE', 'the buffer is full: ClickHouse has not kept up (pipeline.bufferBytes)', {
    retryable: true,
  })

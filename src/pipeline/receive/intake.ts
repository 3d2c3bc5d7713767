import { HoldpointError } from '#contract'
import { toProtobuf } from '../otlp/json.ts'
import type { Accepted, ExportRequest, Signal } from '../otlp/signal.ts'
import { readBody } from './body.ts'
import type { Compression } from './compression.ts'
import type { Encoding } from './messages.ts'
import { createRoom } from './room.ts'

/** A request as it comes in, by either protocol. */
export interface Incoming {
  signal: Signal
  encoding: Encoding
  /** Called when there is room for one more; nothing is read before. */
  open(): Promise<Opened>
}

export interface Opened {
  compression: Compression
  /** How long the sender says that the body is, as it is sent. */
  declaredBytes?: number | undefined
  source: AsyncIterable<Uint8Array>
}

export interface IntakeConfig {
  /** Of a body, compressed and decompressed. */
  maxBodyBytes: number
  /** Under way at the same time. */
  maxRequests: number
}

export interface IntakeDeps {
  /** Resolves when the request is durable. `receivedAtMs` is when all of it had arrived. */
  accept(request: ExportRequest, receivedAtMs: number): Promise<Accepted>
  /** Milliseconds since the epoch. */
  now: () => number
}

export interface Intake {
  readonly maxBodyBytes: number
  /** Throws as `readBody` does, INVALID_INPUT for JSON that is no OTLP, and whatever `accept` throws. */
  take(incoming: Incoming): Promise<Accepted>
  /** From now on everything is asked to come again; what has begun goes on. */
  close(): void
  isOpen(): boolean
}

/** Bodies held at once, in multiples of the largest one. */
const BODIES_IN_FLIGHT = 2

/** What happens to a request whatever protocol it came by; both share its bounds. */
export function createIntake(
  { maxBodyBytes, maxRequests }: IntakeConfig,
  { accept, now }: IntakeDeps,
): Intake {
  const room = createRoom({ bytes: maxBodyBytes * BODIES_IN_FLIGHT, requests: maxRequests })
  let isOpen = true

  async function take({ signal, encoding, open }: Incoming): Promise<Accepted> {
    if (!isOpen) throw new HoldpointError('UNAVAILABLE', 'shutting down', { retryable: true })
    room.enter()
    try {
      const { source, ...about } = await open()
      const body = await readBody(source, { ...about, maxBytes: maxBodyBytes, room })
      try {
        const bytes = encoding === 'json' ? toProtobuf(signal, body.bytes) : body.bytes
        return await accept({ signal, body: bytes }, now())
      } finally {
        body.release()
      }
    } finally {
      room.leave()
    }
  }

  return {
    maxBodyBytes,
    take,
    isOpen: () => isOpen,
    close() {
      isOpen = false
    },
  }
}

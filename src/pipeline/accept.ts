import { HoldpointError } from '#contract'
import type { Log } from '#runtime'
import type { Preparer } from './batch/prepare.ts'
import type { Buffer } from './buffer/buffer.ts'
import { digestRequest } from './buffer/message.ts'
import type { Admitted as Waiting } from './buffer/publish.ts'
import { admit } from './otlp/admit.ts'
import type { Accepted, ExportRequest, Signal } from './otlp/signal.ts'

export interface AcceptDeps {
  /** Returns once the request is durable. */
  keep(request: Waiting): Promise<void>
  maxPieceBytes(): number
  onRejected(signal: Signal, items: number): void
}

/**
 * What becomes of a request: what can never be stored is refused, the rest is durable when this returns. Throws
 * INVALID_INPUT and PAYLOAD_TOO_LARGE for good, UNAVAILABLE where the same request may come again.
 */
export function createAccept({ keep, maxPieceBytes, onRejected }: AcceptDeps) {
  return async function accept(request: ExportRequest, receivedAtMs: number): Promise<Accepted> {
    const { signal } = request
    const { pieces, items, rejected, errorMessage } = admit(request, { maxPieceBytes: maxPieceBytes() })
    if (pieces.length > 0)
      await keep({ signal, pieces, items, receivedAtMs, digest: digestRequest(signal, pieces) })
    if (rejected > 0) onRejected(signal, rejected)
    return { rejected, ...(errorMessage === undefined ? {} : { errorMessage }) }
  }
}

/** Durable is what NATS has on disk. */
export const keepInBuffer = (buffer: Buffer): AcceptDeps['keep'] => buffer.accept

/** Durable is what the store has, or the Collector: the sender waits, and sends again what neither takes now. */
export function keepInStore(preparer: Preparer, { log }: { log: Log }): AcceptDeps['keep'] {
  return async ({ signal, pieces, receivedAtMs, digest }) => {
    // A request that is sent again has the same token, and is stored once.
    const batch = {
      token: `direct ${signal} ${digest}`,
      pieces: pieces.map((body) => ({ signal, body, receivedAtMs })),
    }
    const prepared = await preparer.prepare(batch)
    try {
      await prepared.commit()
    } catch (cause) {
      log.error('a request could not be stored', { error: cause })
      if (cause instanceof HoldpointError && cause.code === 'INVALID_INPUT') throw cause
      // Whatever else keeps the store from storing is no fault of the sender's.
      throw new HoldpointError('UNAVAILABLE', 'the request cannot be stored now', { cause, retryable: true })
    }
  }
}

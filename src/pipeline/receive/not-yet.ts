import { HoldpointError } from '#contract'
import type { Signal } from '../otlp/signal.ts'

/** Until the transcoder is there. */
export function toProtobuf(_signal: Signal, _json: Uint8Array): Uint8Array {
  throw new HoldpointError('UNAVAILABLE', 'JSON is not received yet', { retryable: true })
}

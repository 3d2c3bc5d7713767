import { HoldpointError } from '#contract'
import type { ExportRequest } from './signal.ts'

export interface Admitted {
  /** Requests of the same signal, each at most `maxPieceBytes` long; the request itself where it is one piece. */
  pieces: Uint8Array[]
  /** Spans, log records or data points in them. */
  items: number
  /** Those that can never be stored, and are not to be sent again. */
  rejected: number
  /** Why, where there are any. */
  errorMessage?: string
}

/**
 * Parts what can be stored from what never can be, and cuts it into pieces.
 * Throws INVALID_INPUT where the request is malformed, PAYLOAD_TOO_LARGE where it is made of hollow parts.
 */
export function admit(_request: ExportRequest, _limits: { maxPieceBytes: number }): Admitted {
  throw new HoldpointError('INTERNAL', 'admit: not yet')
}

/** What OTLP carries. */
export const SIGNALS = ['traces', 'logs', 'metrics'] as const
export type Signal = (typeof SIGNALS)[number]

/** One request of a sender's: always protobuf from here on, whatever it came as. */
export interface ExportRequest {
  signal: Signal
  /** An Export{Trace,Logs,Metrics}ServiceRequest of opentelemetry-proto. */
  body: Uint8Array
}

/** Part of a request that was found well-formed and storable, small enough for one message. */
export interface Piece extends ExportRequest {
  /** When its request arrived, milliseconds since the epoch. */
  receivedAtMs: number
}

/** What is stored at once. The same token always names the same pieces, so storing them again changes nothing. */
export interface Batch {
  token: string
  pieces: readonly Piece[]
}

/** What became of a request: what was refused for good, and why. Spans, log records or data points. */
export interface Accepted {
  rejected: number
  errorMessage?: string
}

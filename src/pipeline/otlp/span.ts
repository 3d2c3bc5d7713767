/**
 * A span as OTLP carries it (opentelemetry-proto v1.11, `trace.proto`), as far as it is verified and stored. Ids are
 * lowercase hex of whatever length was sent; times are nanoseconds since the epoch.
 */
export interface Span {
  traceId: string
  spanId: string
  /** Empty for a root span. */
  parentSpanId: string
  traceState: string
  name: string
  /** 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  kind: number
  startNs: bigint
  endNs: bigint
  attributes: Attributes
  events: SpanEvent[]
  links: SpanLink[]
  /** 0 unset, 1 ok, 2 error. */
  statusCode: number
  statusMessage: string
}

export interface SpanEvent {
  timeNs: bigint
  name: string
  attributes: Attributes
}

export interface SpanLink {
  traceId: string
  spanId: string
  traceState: string
  attributes: Attributes
}

/** Of two equal keys the later counts, for what is stored and for what is verified alike. */
export type Attributes = Map<string, AnyValue>

/** 64-bit integers are `bigint`, doubles are `number`, so that `1` and `1.0` stay apart; empty is `undefined`. */
export type AnyValue =
  | undefined
  | string
  | boolean
  | bigint
  | number
  | Uint8Array
  | AnyValue[]
  | Map<string, AnyValue>

export const emptySpan = (): Span => ({
  traceId: '',
  spanId: '',
  parentSpanId: '',
  traceState: '',
  name: '',
  kind: 0,
  startNs: 0n,
  endNs: 0n,
  attributes: new Map(),
  events: [],
  links: [],
  statusCode: 0,
  statusMessage: '',
})

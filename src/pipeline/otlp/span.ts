import { HoldpointError } from '#contract'

/**
 * Spans as OTLP carries them (opentelemetry-proto v1.11, `trace.proto`), whichever encoding they came in.
 * Ids are lowercase hex of whatever length was sent; times are nanoseconds since the epoch.
 */
export interface ResourceSpans {
  resource: Attributes
  scopes: ScopeSpans[]
}

export interface ScopeSpans {
  name: string
  version: string
  spans: Span[]
}

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

/** Nesting of attribute values: deeper than any instrumentation writes, shallower than any stack. */
export const MAX_VALUE_DEPTH = 64

/** Bytes that an honest part takes on the wire at least: a span its ids, an event its time, a group its spans. */
export const PART = {
  any: 4,
  group: 16,
  event: 14,
  log: 16,
  metric: 14,
  point: 18,
  link: 28,
  span: 28,
} as const

/**
 * An empty span costs two bytes on the wire and four hundred in memory. A body made of hollow parts is refused
 * before it fills the memory.
 */
export function createPartCounter(bodyBytes: number): (leastBytes?: number) => void {
  let left = 8_000 + bodyBytes
  return (leastBytes = PART.any) => {
    left -= leastBytes
    if (left < 0)
      throw new HoldpointError('PAYLOAD_TOO_LARGE', 'OTLP: too many parts for a body of this size')
  }
}

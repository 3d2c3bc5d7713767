import type { SpanRange, TraceRanges } from '../otlp/ranges.ts'
import type { Span } from '../otlp/span.ts'
import type { Claim } from './claims.ts'
import type { Verdict } from './verify.ts'

/** A scanned request, or part of one, and when it arrived; milliseconds since the epoch. */
export interface JudgedPiece {
  ranges: TraceRanges
  receivedAtMs: number
}

export interface JudgedSpan {
  /** As it came. */
  span: Span
  /** `service.name` of its resource. */
  service: string
  receivedAtMs: number
  claim: Claim
  verdict: Verdict
}

/** What has been found in some pieces. */
export interface Judged {
  /** Spans that stand for actions, in the order in which they came. */
  actions: ReadonlyMap<SpanRange, JudgedSpan>
  /** Other spans with something on them that only the pipeline may say. */
  tainted: ReadonlyMap<SpanRange, Span>
}

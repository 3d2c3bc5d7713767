import { HoldpointError } from '#contract'

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

/** What parts may count beyond the body: more hollow spans than a Collector puts into one request, a megabyte of memory. */
const ALLOWED_BYTES = 256 * 1024

/**
 * An empty span costs two bytes on the wire and a hundred in memory. A body made of hollow parts is refused before
 * it fills the memory; a few of them are not, since a Collector may have put them into one request with others.
 */
export function createPartCounter(bodyBytes: number): (leastBytes?: number) => void {
  let left = ALLOWED_BYTES + bodyBytes
  return (leastBytes = PART.any) => {
    left -= leastBytes
    if (left < 0)
      throw new HoldpointError('PAYLOAD_TOO_LARGE', 'OTLP: too many parts for a body of this size')
  }
}

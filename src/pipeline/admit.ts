import type { Accepted } from './http/answer.ts'
import type { ResourceSpans, ScopeSpans, Span } from './otlp/span.ts'
import { charsOf, charsOfScope, isZero } from './rows.ts'

/** DateTime64(9) holds signed 64-bit nanoseconds: until April 2262. */
const MAX_TIME_NS = 2n ** 63n - 1n
const DAY_NS = 86_400_000_000_000n
/** The tables have a partition for each day; ClickHouse refuses a block of more than 100, and each costs files. */
const MAX_DAYS = 32
/** Of what one batch repeats with each span of a resource and a scope. */
const MAX_REPEATED_CHARS = 256 * 1024 * 1024

/** Parts the spans that can be stored from those that never can be; the latter are counted, and not sent again. */
export function admit(
  batch: readonly ResourceSpans[],
): Required<Accepted> & { admitted: ResourceSpans[]; spans: number } {
  const days = new Set<bigint>()
  const reasons = new Map<string, number>()
  let spans = 0
  let repeated = 0

  const isAdmitted = (span: Span, chars: number): boolean => {
    const tooMuch = repeated + chars > MAX_REPEATED_CHARS ? TOO_MUCH : undefined
    const reason = findFault(span) ?? tooMuch ?? findFaultOfDay(span, days)
    if (reason === undefined) {
      spans++
      repeated += chars
    } else reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
    return reason === undefined
  }
  const admitted = batch.map(({ resource, scopes }) => {
    const chars = charsOf(resource)
    const admitOf = (scope: ScopeSpans) => {
      const ofBoth = chars + charsOfScope(scope)
      return scope.spans.filter((span) => isAdmitted(span, ofBoth))
    }
    return { resource, scopes: scopes.map((scope) => ({ ...scope, spans: admitOf(scope) })) }
  })

  const rejectedSpans = [...reasons.values()].reduce((sum, count) => sum + count, 0)
  const errorMessage = [...reasons].map(([reason, count]) => `${count} × ${reason}`).join('; ')
  return { admitted, spans, rejectedSpans, errorMessage }
}

const TOO_MUCH = 'its resource and scope, repeated for each span, take more than 256 MiB'

function findFault(span: Span): string | undefined {
  if (span.traceId.length !== 32 || isZero(span.traceId)) return 'the trace id must be 16 bytes, not all zero'
  if (span.spanId.length !== 16 || isZero(span.spanId)) return 'the span id must be 8 bytes, not all zero'
  if (span.parentSpanId !== '' && span.parentSpanId.length !== 16) return 'the parent span id must be 8 bytes'
  const times = [span.startNs, span.endNs, ...span.events.map(({ timeNs }) => timeNs)]
  return times.every((time) => time <= MAX_TIME_NS) ? undefined : 'a time is beyond the year 2262'
}

function findFaultOfDay(span: Span, days: Set<bigint>): string | undefined {
  const day = span.startNs / DAY_NS
  if (!days.has(day) && days.size >= MAX_DAYS) return `one batch may span ${MAX_DAYS} different days`
  days.add(day)
  return undefined
}

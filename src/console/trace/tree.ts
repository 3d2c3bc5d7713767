import type { TraceSpan } from '#store'

/** A span at its place in the waterfall: nanoseconds after the beginning of the trace. */
export interface PlacedSpan {
  span: TraceSpan
  depth: number
  offsetNs: number
  durationNs: number
}

const DEEPEST = 24

/**
 * Parents before their children, by time. Ids are hostile: a span may name itself, a circle or nobody as its parent,
 * and two may bear one id; each is shown once all the same.
 */
export function placeSpans(spans: readonly TraceSpan[]): { placed: PlacedSpan[]; totalNs: number } {
  const begins = spans.map(({ startNs }) => BigInt(startNs))
  const beginNs = begins.reduce((first, one) => (one < first ? one : first), begins[0] ?? 0n)
  const ids = new Set(spans.map(({ spanId }) => spanId))
  const children = new Map<string, TraceSpan[]>()
  const roots: TraceSpan[] = []
  for (const span of spans) {
    const { parentSpanId } = span
    if (parentSpanId === '' || parentSpanId === span.spanId || !ids.has(parentSpanId)) roots.push(span)
    else children.set(parentSpanId, [...(children.get(parentSpanId) ?? []), span])
  }

  const placed: PlacedSpan[] = []
  const seen = new Set<TraceSpan>()
  const walk = (from: readonly TraceSpan[]): void => {
    const waiting = from.map((span) => ({ span, depth: 0 })).reverse()
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      const { span, depth } = next
      if (seen.has(span)) continue
      seen.add(span)
      const offsetNs = Number(BigInt(span.startNs) - beginNs)
      placed.push({ span, depth: Math.min(depth, DEEPEST), offsetNs, durationNs: Number(span.durationNs) })
      for (const child of [...(children.get(span.spanId) ?? [])].reverse())
        waiting.push({ span: child, depth: depth + 1 })
    }
  }
  walk(roots)
  // What is left goes round in circles, and belongs below nobody.
  for (const span of spans) if (!seen.has(span)) walk([span])

  const totalNs = Math.max(1, ...placed.map(({ offsetNs, durationNs }) => offsetNs + durationNs))
  return { placed, totalNs }
}

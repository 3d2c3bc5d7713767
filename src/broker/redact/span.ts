/** Part of a text, from the first character to before `to`, in UTF-16 units. */
export interface Span {
  from: number
  to: number
}

/** In order, and those that touch each other as one: nothing of what was kept back may be left between two of them. */
export function merged(spans: readonly Span[]): Span[] {
  const result: Span[] = []
  for (const span of spans.toSorted((one, other) => one.from - other.from)) {
    const last = result.at(-1)
    if (last && span.from <= last.to) last.to = Math.max(last.to, span.to)
    else result.push({ ...span })
  }
  return result
}

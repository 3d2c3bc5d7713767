import type { Span } from '../../otlp/span.ts'
import { valueText } from '../../otlp/text.ts'

/** `SpanKind` of OTLP. */
export const SPAN_KIND = {
  unspecified: 0,
  internal: 1,
  server: 2,
  client: 3,
  producer: 4,
  consumer: 5,
} as const

/** The first of these attributes that says something: conventions change, and spans of old ones keep coming. */
export function firstOf({ attributes }: Span, ...names: readonly string[]): string | undefined {
  for (const name of names) {
    const text = valueText(attributes.get(name))
    if (text !== '') return text
  }
  return undefined
}

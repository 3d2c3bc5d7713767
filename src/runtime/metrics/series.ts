import type { Attributes } from '@opentelemetry/api'

/** Of one instrument; what comes beyond is counted in one series of its own, as OpenTelemetry's SDKs name it. */
export const MOST_SERIES = 1_000
const OVERFLOW: Attributes = { 'otel.metric.overflow': true }

/**
 * The attributes of a measurement, of so many different ones at most. The SDK's own limit counts anew after each
 * reading, so with it alone whoever makes up values fills the memory of a process that is read now and then.
 */
export function createSeries(names: readonly string[], most = MOST_SERIES) {
  const known = new Map<string, Attributes>()

  return (given: Attributes = {}): Attributes => {
    const key = JSON.stringify(names.map((name) => given[name]))
    const found = known.get(key)
    if (found !== undefined) return found
    if (known.size >= most - 1) return OVERFLOW
    // Those that are described, and no other.
    const attributes = Object.freeze(Object.fromEntries(names.map((name) => [name, given[name]])))
    known.set(key, attributes)
    return attributes
  }
}

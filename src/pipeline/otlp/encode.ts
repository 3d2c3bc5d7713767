import { HoldpointError } from '#contract'
import type { Rewritten, TraceRanges } from './ranges.ts'

/**
 * The request again, as OTLP: byte for byte as it came, but for the attributes of what was rewritten. Unknown fields,
 * flags, dropped counts, schema URLs and the order of everything survive.
 */
export function encodeTraces(_ranges: TraceRanges, _rewritten: Rewritten): Uint8Array {
  throw new HoldpointError('INTERNAL', 'encodeTraces: not yet')
}

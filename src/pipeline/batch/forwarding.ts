import type { Forward } from '../forward/forward.ts'
import { encodeTraces } from '../otlp/encode.ts'
import type { Rewritten, TraceRanges } from '../otlp/ranges.ts'
import type { Signal } from '../otlp/signal.ts'
import type { Telemetry } from './prepare.ts'
import type { Step } from './steps.ts'

/** A Collector takes 20 MiB unless it is told otherwise, and works on parts of it at once. */
const MAX_BYTES = 4 * 1024 * 1024

/** A batch as OTLP again, in requests that a Collector takes easily. */
export function* forwarding(
  { ranges, rewritten, logs, metrics }: Telemetry,
  forward: Pick<Forward, 'send'>,
): Generator<Step> {
  yield* sends('traces', encoded(ranges, rewritten))
  yield* sends('logs', logs)
  yield* sends('metrics', metrics)

  function* sends(signal: Signal, bodies: Iterable<Uint8Array>): Generator<Step> {
    for (const body of joined(bodies))
      yield { bytes: body.length, run: async () => void (await forward.send(signal, body)) }
  }
}

function* encoded(ranges: readonly TraceRanges[], rewritten: readonly Rewritten[]): Generator<Uint8Array> {
  for (const [index, one] of ranges.entries()) yield encodeTraces(one, rewritten[index] as Rewritten)
}

/** Requests are lists of resources, and protobuf reads two messages behind each other as one with both lists. */
function* joined(bodies: Iterable<Uint8Array>): Generator<Uint8Array> {
  let some: Uint8Array[] = []
  let bytes = 0
  for (const body of bodies) {
    if (bytes > 0 && bytes + body.length > MAX_BYTES) {
      yield Buffer.concat(some)
      some = []
      bytes = 0
    }
    if (body.length === 0) continue
    some.push(body)
    bytes += body.length
  }
  if (bytes > 0) yield Buffer.concat(some)
}

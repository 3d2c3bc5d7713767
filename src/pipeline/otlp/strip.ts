import { HoldpointError } from '#contract'
import type { Signal } from './signal.ts'

/**
 * Takes out of logs and metrics the attributes that only the pipeline may write, wherever they stand. The same bytes
 * come back where there are none.
 */
export function stripOurs(_signal: Exclude<Signal, 'traces'>, _body: Uint8Array): Uint8Array {
  throw new HoldpointError('INTERNAL', 'stripOurs: not yet')
}

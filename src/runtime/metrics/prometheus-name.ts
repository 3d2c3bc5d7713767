import { HoldpointError } from '#contract'
import type { Instrument } from './instrument.ts'

/** Prometheus' words for UCUM's units; what stands in braces is no unit there. */
const WORDS: Readonly<Record<string, string>> = { s: 'seconds', ms: 'milliseconds', By: 'bytes' }

/**
 * The name under which Prometheus knows an instrument:
 * https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/#metric-metadata-1
 */
export function prometheusName(instrument: Pick<Instrument, 'name' | 'unit' | 'kind'>): string {
  const name = familyName(instrument)
  return instrument.kind === 'counter' && !name.endsWith('_total') ? `${name}_total` : name
}

/** The same without the ending of a counter. Throws INTERNAL for a unit that has no word yet. */
export function familyName({ name, unit }: Pick<Instrument, 'name' | 'unit'>): string {
  const base = labelName(name)
  const word = unitWord(unit)
  return word === '' || base.endsWith(`_${word}`) ? base : `${base}_${word}`
}

/** Empty for what is only counted. */
export function unitWord(unit: string): string {
  if (unit === '' || /^\{\w+\}$/.test(unit)) return ''
  const word = WORDS[unit]
  if (word === undefined) throw new HoldpointError('INTERNAL', `Prometheus has no word for the unit ${unit}`)
  return word
}

/** Of an attribute's name, too. */
export const labelName = (name: string): string => name.replace(/[^a-zA-Z0-9_]/g, '_').replace(/__+/g, '_')

import { HoldpointError } from '#contract'

export interface Place {
  at: string
  count: (leastBytes?: number) => void
}
export type Members = Record<string, unknown>

export const MAX_INT64 = 2n ** 63n - 1n
export const MIN_INT64 = -(2n ** 63n)
const MAX_UINT64 = 2n ** 64n - 1n

export const time = (from: Members, member: string, place: Place): bigint =>
  integer(from, member, place, 0n, MAX_UINT64)

/** 64-bit integers come as text, as exporters write them, or as a number. */
export function integer(from: Members, member: string, place: Place, min: bigint, max: bigint): bigint {
  const value = from[member] ?? 0
  const whole =
    typeof value === 'bigint'
      ? value
      : (typeof value === 'number' && Number.isInteger(value)) ||
          (typeof value === 'string' && /^-?\d{1,20}$/.test(value))
        ? BigInt(value)
        : undefined
  if (whole !== undefined && whole >= min && whole <= max) return whole
  throw wrong(below(place, member), `a whole number from ${min} to ${max}, as text or number`, value)
}

export function enumeration(from: Members, member: string, place: Place): number {
  const value = from[member] ?? 0
  if (Number.isSafeInteger(value) && Math.abs(value as number) < 2 ** 31) return value as number
  throw wrong(below(place, member), 'an integer (OTLP/JSON has no enum names)', value)
}

export function id(from: Members, member: string, place: Place): string {
  const value = text(from, member, place)
  if (value.length % 2 === 0 && /^[0-9a-fA-F]*$/.test(value)) return value.toLowerCase()
  throw wrong(below(place, member), 'hex digits', value)
}

export function text(from: Members, member: string, place: Place): string {
  const value = from[member] ?? ''
  if (typeof value === 'string') return value.toWellFormed()
  throw wrong(below(place, member), 'a text', value)
}

export function list<T>(
  from: Members,
  member: string,
  place: Place,
  read: (entry: Members, at: Place) => T,
  leastBytes?: number,
): T[] {
  const value = from[member] ?? []
  const within = below(place, member)
  if (!Array.isArray(value)) throw wrong(within, 'a list', value)
  return value.map((entry, index) => {
    place.count(leastBytes)
    const at = { at: `${within.at}[${index}]`, count: place.count }
    return read(record(entry, at), at)
  })
}

export function record(value: unknown, place: Place): Members {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Members
  throw wrong(place, 'an object', value)
}

export const below = (place: Place, member: string): Place => ({
  at: place.at === '' ? member : `${place.at}.${member}`,
  count: place.count,
})

export function wrong({ at }: Place, expected: string, found: unknown): HoldpointError {
  const shown =
    typeof found === 'object' && found !== null
      ? Array.isArray(found)
        ? 'a list'
        : 'an object'
      : (JSON.stringify(typeof found === 'bigint' ? String(found) : found) ?? 'missing').slice(0, 80)
  return new HoldpointError(
    'INVALID_INPUT',
    `OTLP JSON: ${at || 'the body'} is ${shown}, expected ${expected}`,
  )
}

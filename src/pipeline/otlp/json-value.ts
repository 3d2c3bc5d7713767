import {
  below,
  integer,
  list,
  MAX_INT64,
  type Members,
  MIN_INT64,
  type Place,
  record,
  text,
  wrong,
} from './json-fields.ts'
import { type AnyValue, type Attributes, MAX_VALUE_DEPTH } from './span.ts'

export function attributes(from: Members, place: Place, member = 'attributes', depth = 0): Attributes {
  const result: Attributes = new Map()
  list(from, member, place, (entry, within) => {
    const value = entry.value ?? {}
    result.set(text(entry, 'key', within), readValue(value, below(within, 'value'), depth))
  })
  return result
}

function readValue(from: unknown, place: Place, depth: number): AnyValue {
  if (depth >= MAX_VALUE_DEPTH) throw wrong(place, `nesting of at most ${MAX_VALUE_DEPTH}`, from)
  const value = record(from, place)
  const kinds = Object.keys(value).filter((kind) => Object.hasOwn(VALUES, kind) && value[kind] !== null)
  if (kinds.length > 1) throw wrong(place, 'one kind of value', kinds.join(' and '))
  const kind = kinds[0]
  return kind === undefined ? undefined : VALUES[kind]?.(value, place, depth)
}

const VALUES: Record<string, (from: Members, place: Place, depth: number) => AnyValue> = {
  stringValue: (from, place) => text(from, 'stringValue', place),
  boolValue: (from, place) => {
    if (typeof from.boolValue === 'boolean') return from.boolValue
    throw wrong(below(place, 'boolValue'), 'true or false', from.boolValue)
  },
  intValue: (from, place) => integer(from, 'intValue', place, MIN_INT64, MAX_INT64),
  doubleValue: (from, place) => double(from.doubleValue, below(place, 'doubleValue')),
  bytesValue: (from, place) => {
    const encoded = text(from, 'bytesValue', place)
    if (/^[A-Za-z0-9+/_-]*={0,2}$/.test(encoded)) return new Uint8Array(Buffer.from(encoded, 'base64'))
    throw wrong(below(place, 'bytesValue'), 'base64', encoded)
  },
  arrayValue: (from, place, depth) => {
    const within = below(place, 'arrayValue')
    const array = record(from.arrayValue, within)
    return list(array, 'values', within, (entry, at) => readValue(entry, at, depth + 1))
  },
  kvlistValue: (from, place, depth) => {
    const within = below(place, 'kvlistValue')
    return attributes(record(from.kvlistValue, within), within, 'values', depth + 1)
  },
}

function double(value: unknown, place: Place): number {
  if (typeof value === 'number' || typeof value === 'bigint') return Number(value)
  if (value === 'NaN' || value === 'Infinity' || value === '-Infinity') return Number(value)
  if (typeof value === 'string' && /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(value)) return Number(value)
  throw wrong(place, 'a number', value)
}

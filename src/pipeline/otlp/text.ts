import type { AnyValue } from './span.ts'

/**
 * An attribute value as the Collector's ClickHouse exporter writes it (`pcommon.Value.AsString`): bytes as base64,
 * arrays and maps as Go's JSON without HTML escapes (as of collector v0.151).
 */
export function valueText(value: AnyValue): string {
  switch (typeof value) {
    case 'undefined':
      return ''
    case 'string':
      return value
    case 'number':
      return Number.isFinite(value) ? numberText(value) : `json: unsupported value: ${nonFinite(value)}`
    case 'boolean':
    case 'bigint':
      return String(value)
    default:
      if (value instanceof Uint8Array) return base64(value)
      // Go's encoder gives up on NaN and infinities, and the Collector then writes nothing.
      return hasNonFinite(value) ? '' : json(value)
  }
}

function json(value: AnyValue): string {
  if (value === undefined) return 'null'
  if (typeof value === 'string') return quote(value)
  if (typeof value === 'number') return numberText(value)
  if (typeof value !== 'object') return String(value)
  if (value instanceof Uint8Array) return quote(base64(value))
  if (Array.isArray(value)) return `[${value.map(json).join(',')}]`
  const members = [...value].sort(([one], [other]) => compareBytes(one, other))
  return `{${members.map(([key, member]) => `${quote(key)}:${json(member)}`).join(',')}}`
}

function hasNonFinite(value: AnyValue): boolean {
  if (typeof value === 'number') return !Number.isFinite(value)
  if (Array.isArray(value)) return value.some(hasNonFinite)
  return value instanceof Map && [...value.values()].some(hasNonFinite)
}

/** Go and ECMAScript write doubles alike, but for negative zero. */
const numberText = (value: number): string => (Object.is(value, -0) ? '-0' : String(value))
const nonFinite = (value: number): string => (Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf')

const base64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')

/** Go escapes the two line separators that JavaScript once could not have in its source. */
const quote = (value: string): string =>
  JSON.stringify(value).replace(/[\u2028\u2029]/g, (char) => (char === '\u2028' ? '\\u2028' : '\\u2029'))

/**
 * In the order of their UTF-8 bytes. The engine sorts by UTF-16 code units, far quicker, which is the same order where
 * there are no surrogates.
 */
export function inByteOrder(keys: Iterable<string>): string[] {
  const all = [...keys]
  return all.some((key) => SURROGATE.test(key)) ? all.sort(compareBytes) : all.sort()
}

const SURROGATE = /[\ud800-\udfff]/

/** Order of UTF-8 bytes, which is Go's for strings: UTF-16 code units sort astral characters too early. */
export function compareBytes(one: string, other: string): number {
  const length = Math.min(one.length, other.length)
  for (let at = 0; at < length; at++) {
    const difference = one.charCodeAt(at) - other.charCodeAt(at)
    if (difference === 0) continue
    const surrogates = isSurrogate(one, at) !== isSurrogate(other, at)
    return surrogates ? (isSurrogate(one, at) ? 1 : -1) : difference
  }
  return one.length - other.length
}

const isSurrogate = (text: string, at: number): boolean => (text.charCodeAt(at) & 0xf800) === 0xd800

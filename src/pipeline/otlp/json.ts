import { HoldpointError } from '#contract'
import { parseText } from './json-text.ts'
import {
  type AnyValue,
  type Attributes,
  createPartCounter,
  MAX_VALUE_DEPTH,
  type ResourceSpans,
  type ScopeSpans,
  type Span,
  type SpanEvent,
  type SpanLink,
} from './span.ts'

/**
 * Decodes an ExportTraceServiceRequest in OTLP/JSON (proto3 JSON with hex ids and integer enums).
 * Unknown members are ignored; a known one of the wrong shape throws INVALID_INPUT naming its path.
 */
export function decodeJson(body: Uint8Array): ResourceSpans[] {
  const count = createPartCounter(body.length)
  const root: Place = { at: '', count }
  return list(record(parseText(body), root), 'resourceSpans', root, readResourceSpans)
}

interface Place {
  at: string
  count: () => void
}
type Members = Record<string, unknown>

function readResourceSpans(from: Members, place: Place): ResourceSpans {
  const resource = from.resource ?? {}
  return {
    resource: attributes(record(resource, below(place, 'resource')), below(place, 'resource')),
    scopes: list(from, 'scopeSpans', place, readScopeSpans),
  }
}

function readScopeSpans(from: Members, place: Place): ScopeSpans {
  const within = below(place, 'scope')
  const scope = record(from.scope ?? {}, within)
  return {
    name: text(scope, 'name', within),
    version: text(scope, 'version', within),
    spans: list(from, 'spans', place, readSpan),
  }
}

function readSpan(from: Members, place: Place): Span {
  const within = below(place, 'status')
  const status = record(from.status ?? {}, within)
  return {
    traceId: id(from, 'traceId', place),
    spanId: id(from, 'spanId', place),
    parentSpanId: id(from, 'parentSpanId', place),
    traceState: text(from, 'traceState', place),
    name: text(from, 'name', place),
    kind: enumeration(from, 'kind', place),
    startNs: time(from, 'startTimeUnixNano', place),
    endNs: time(from, 'endTimeUnixNano', place),
    attributes: attributes(from, place),
    events: list(from, 'events', place, readEvent),
    links: list(from, 'links', place, readLink),
    statusCode: enumeration(status, 'code', within),
    statusMessage: text(status, 'message', within),
  }
}

const readEvent = (from: Members, place: Place): SpanEvent => ({
  timeNs: time(from, 'timeUnixNano', place),
  name: text(from, 'name', place),
  attributes: attributes(from, place),
})

const readLink = (from: Members, place: Place): SpanLink => ({
  traceId: id(from, 'traceId', place),
  spanId: id(from, 'spanId', place),
  traceState: text(from, 'traceState', place),
  attributes: attributes(from, place),
})

function attributes(from: Members, place: Place, member = 'attributes', depth = 0): Attributes {
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

const MAX_INT64 = 2n ** 63n - 1n
const MIN_INT64 = -(2n ** 63n)
const MAX_UINT64 = 2n ** 64n - 1n

const time = (from: Members, member: string, place: Place): bigint =>
  integer(from, member, place, 0n, MAX_UINT64)

/** 64-bit integers come as text, as exporters write them, or as a number. */
function integer(from: Members, member: string, place: Place, min: bigint, max: bigint): bigint {
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

function double(value: unknown, place: Place): number {
  if (typeof value === 'number' || typeof value === 'bigint') return Number(value)
  if (value === 'NaN' || value === 'Infinity' || value === '-Infinity') return Number(value)
  if (typeof value === 'string' && /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(value)) return Number(value)
  throw wrong(place, 'a number', value)
}

function enumeration(from: Members, member: string, place: Place): number {
  const value = from[member] ?? 0
  if (Number.isSafeInteger(value) && Math.abs(value as number) < 2 ** 31) return value as number
  throw wrong(below(place, member), 'an integer (OTLP/JSON has no enum names)', value)
}

function id(from: Members, member: string, place: Place): string {
  const value = text(from, member, place)
  if (value.length % 2 === 0 && /^[0-9a-fA-F]*$/.test(value)) return value.toLowerCase()
  throw wrong(below(place, member), 'hex digits', value)
}

function text(from: Members, member: string, place: Place): string {
  const value = from[member] ?? ''
  if (typeof value === 'string') return value.toWellFormed()
  throw wrong(below(place, member), 'a text', value)
}

function list<T>(from: Members, member: string, place: Place, read: (entry: Members, at: Place) => T): T[] {
  const value = from[member] ?? []
  const within = below(place, member)
  if (!Array.isArray(value)) throw wrong(within, 'a list', value)
  return value.map((entry, index) => {
    place.count()
    const at = { at: `${within.at}[${index}]`, count: place.count }
    return read(record(entry, at), at)
  })
}

function record(value: unknown, place: Place): Members {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Members
  throw wrong(place, 'an object', value)
}

const below = (place: Place, member: string): Place => ({
  at: place.at === '' ? member : `${place.at}.${member}`,
  count: place.count,
})

function wrong({ at }: Place, expected: string, found: unknown): HoldpointError {
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

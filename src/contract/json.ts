import { HoldpointError } from './error.ts'

export type JsonValue = null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue }

/** Deeper than any honest message, shallower than any stack. */
export const MAX_DEPTH = 64

/**
 * The canonical form of a value (RFC 8785), the only bytes that Holdpoint ever hashes or signs.
 * Refused, because two readers could understand them differently: lone surrogates, integers beyond 2^53,
 * NaN and infinities, and anything that JSON does not have. A member that is `undefined` is absent.
 */
export function canonicalize(value: unknown): string {
  return write(value, 0)
}

function write(value: unknown, depth: number): string {
  switch (typeof value) {
    case 'string':
      if (!value.isWellFormed()) throw unfit('a lone surrogate')
      return JSON.stringify(value)
    case 'number':
      if (!Number.isFinite(value)) throw unfit(String(value))
      if (Number.isInteger(value) && !Number.isSafeInteger(value))
        throw unfit(`the integer ${value}, beyond 2^53`)
      return JSON.stringify(value)
    case 'boolean':
      return String(value)
    case 'object':
      if (value === null) return 'null'
      if (depth >= MAX_DEPTH) throw unfit(`nesting deeper than ${MAX_DEPTH}`)
      if (Array.isArray(value)) return writeList(value, depth)
      return writeObject(value, depth)
    default:
      throw unfit(`a value of type ${typeof value}`)
  }
}

function writeList(value: readonly unknown[], depth: number): string {
  let out = '['
  for (let index = 0; index < value.length; index++)
    out += (index === 0 ? '' : ',') + write(value[index], depth + 1)
  return `${out}]`
}

function writeObject(value: object, depth: number): string {
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null)
    throw unfit(`an instance of ${prototype?.constructor?.name ?? 'a class'}`)
  let out = ''
  // The default order of sort() is by UTF-16 code units, which is what RFC 8785, 3.2.3 asks for.
  for (const key of inOrder(Object.keys(value))) {
    const member = (value as Record<string, unknown>)[key]
    if (member === undefined) continue
    out += `${out === '' ? '' : ','}${write(key, depth)}:${write(member, depth + 1)}`
  }
  return `{${out}}`
}

/** Most objects come in order: looking is cheaper than sorting. */
function inOrder(keys: string[]): string[] {
  for (let at = 1; at < keys.length; at++)
    if ((keys[at - 1] as string) > (keys[at] as string)) return keys.sort()
  return keys
}

/**
 * A frozen copy that nobody can change afterwards: what is digested is what is executed.
 * Refuses what canonicalize refuses.
 */
export function freezeJson(value: unknown): JsonValue {
  return deepFreeze(parseJson(canonicalize(value)))
}

function deepFreeze(value: JsonValue): JsonValue {
  if (typeof value === 'object' && value !== null) {
    for (const member of Object.values(value)) deepFreeze(member)
    Object.freeze(value)
  }
  return value
}

const unfit = (what: string): HoldpointError =>
  new HoldpointError('INVALID_INPUT', `JSON that cannot be made canonical: found ${what}`)

/**
 * Parses JSON text from an untrusted sender (RFC 8259), refusing what parsers disagree about (RFC 7493):
 * duplicate keys, lone surrogates, integers beyond 2^53, and nesting deeper than MAX_DEPTH.
 * `__proto__` is an ordinary key. Errors name the offset.
 */
export function parseJson(source: string): JsonValue {
  const duplicates = findDuplicateKey(source)
  if (duplicates !== undefined) throw new HoldpointError('INVALID_INPUT', `JSON: ${duplicates}`)
  try {
    const value: JsonValue = JSON.parse(source)
    // A second, slower pass tells how the offending number was written.
    return isAmbiguous(value) ? JSON.parse(source, refuseAmbiguous) : value
  } catch (cause) {
    if (cause instanceof HoldpointError) throw cause
    throw new HoldpointError('INVALID_INPUT', `JSON: ${withoutSource((cause as Error).message)}`)
  }
}

/** The engine quotes the text around the fault, and that may be anybody's secret. */
const withoutSource = (message: string): string =>
  message.replace(/(?:^|, )(?:\.\.\.)?"[\s\S]*"(?:\.\.\.)? is not valid JSON$/, '') || 'not valid'

function isAmbiguous(value: JsonValue): boolean {
  if (typeof value === 'string') return !value.isWellFormed()
  if (typeof value === 'number')
    return !Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))
  if (typeof value !== 'object' || value === null) return false
  return (Array.isArray(value) ? value : Object.values(value)).some(isAmbiguous)
}

function refuseAmbiguous(_key: string, value: JsonValue, context?: { source?: string }): JsonValue {
  // Members come before what holds them, so this finds the very text or number.
  if (!isAmbiguous(value)) return value
  throw unfit(
    typeof value === 'string'
      ? 'a lone surrogate'
      : `the number ${context?.source ?? value}, beyond ${Number.isFinite(value) ? '2^53' : 'what a double holds'}`,
  )
}

/**
 * JSON.parse keeps the last of two equal keys without a word; a scan over the text finds them first. Says what it found
 * and at which offset; that the text is JSON at all, JSON.parse has to say.
 */
export function findDuplicateKey(source: string): string | undefined {
  const open: (Set<string> | undefined)[] = []
  let expectsKey = false
  for (let at = 0; at < source.length; at++) {
    const char = source.charCodeAt(at)
    if (char === CHAR['{'] || char === CHAR['[']) {
      open.push(char === CHAR['{'] ? new Set() : undefined)
      if (open.length > MAX_DEPTH) return `nesting deeper than ${MAX_DEPTH} at offset ${at}`
      expectsKey = char === CHAR['{']
    } else if (char === CHAR['}'] || char === CHAR[']']) {
      open.pop()
      expectsKey = false
    } else if (char === CHAR[',']) {
      expectsKey = open.at(-1) !== undefined
    } else if (char === CHAR['"']) {
      const end = endOfString(source, at)
      const keys = open.at(-1)
      if (expectsKey && keys !== undefined) {
        const key = unquote(source.slice(at, end + 1))
        if (key === undefined) return `a malformed string at offset ${at}`
        if (!key.isWellFormed()) return `a lone surrogate in a key at offset ${at}`
        if (keys.has(key)) return `the key ${JSON.stringify(key)} twice, at offset ${at}`
        keys.add(key)
        expectsKey = false
      }
      at = end
    }
  }
  return undefined
}

const CHAR = { '"': 34, ',': 44, '[': 91, '\\': 92, ']': 93, '{': 123, '}': 125 } as const

function endOfString(source: string, start: number): number {
  for (let at = start + 1; at < source.length; at++) {
    const char = source.charCodeAt(at)
    if (char === CHAR['\\']) at++
    else if (char === CHAR['"']) return at
  }
  return source.length
}

function unquote(quoted: string): string | undefined {
  // Without an escape it is what stands there; if that is no text at all, JSON.parse says so afterwards.
  if (!quoted.includes('\\')) return quoted.slice(1, -1)
  try {
    const value: unknown = JSON.parse(quoted)
    return typeof value === 'string' ? value : undefined
  } catch {
    return undefined
  }
}

import { type JsonValue, REDACTED } from '#contract'
import { findAssignments } from './assignments.ts'
import { findFormats } from './formats.ts'
import { isSecretValue, namesAnId, type Strength, strengthOf } from './names.ts'
import { findPaymentCards, isPaymentCard } from './payment-cards.ts'
import { merged, type Span } from './span.ts'

export interface Detection {
  /** The value with every secret replaced; itself where there is none. */
  value: JsonValue
  found: Found[]
}

export interface Found {
  /** JSON pointer (RFC 6901) of the text or value that it was in. */
  path: string
  /** What was taken out. */
  was: JsonValue
}

/** More than this and it is kept back as a whole: a list of places must not grow larger than what it speaks of. */
const MOST_PLACES = 100
/** Of all paths together: names are as long as an agent likes, and each place below one repeats it. */
const MOST_IN_PATHS = 50_000

/**
 * Takes out of a value of an agent what looks like a secret: credentials of a known form, private keys, passwords in
 * addresses, numbers of payment cards, and what stands under a name such as `password`. Of a text only the secret
 * itself goes, so that people still see what it is part of. Takes time linear in the size of the value.
 */
export function detectSecrets(value: JsonValue, path: string): Detection {
  const finds: Finds = { found: [], inPaths: 0 }
  const replaced = walk(value, { path, finds })
  if (!areTooMany(finds)) return { value: replaced, found: finds.found }
  return { value: REDACTED, found: [{ path, was: value }] }
}

interface Finds {
  found: Found[]
  inPaths: number
}

const areTooMany = ({ found, inPaths }: Finds): boolean =>
  found.length > MOST_PLACES || inPaths > MOST_IN_PATHS

function note(finds: Finds, path: string, was: JsonValue): void {
  finds.found.push({ path, was })
  finds.inPaths += path.length
}

interface Place {
  path: string
  finds: Finds
  /** What the name says under which it stands. */
  named?: Strength | undefined
  name?: string
}

function walk(value: JsonValue, place: Place): JsonValue {
  if (areTooMany(place.finds)) return value
  switch (typeof value) {
    case 'string':
      return inText(value, place)
    case 'number':
      return inNumber(value, place)
    case 'object':
      if (value === null) return value
      return Array.isArray(value) ? inList(value, place) : inObject(value, place)
    default:
      return value
  }
}

function inText(text: string, { path, finds, named, name }: Place): string {
  if (named && isSecretValue(text, named)) {
    note(finds, path, text)
    return REDACTED
  }
  let shown = ''
  let past = 0
  for (const { from, to } of secretsIn(text, name)) {
    note(finds, path, text.slice(from, to))
    shown += text.slice(past, from) + REDACTED
    past = to
  }
  return shown + text.slice(past)
}

/** Shorter than any of them. */
const SHORTEST = 8

function secretsIn(text: string, name = ''): Span[] {
  if (text.length < SHORTEST) return []
  const cards = /^\d+$/.test(text) && namesAnId(name) ? [] : findPaymentCards(text)
  return merged([...findFormats(text), ...findAssignments(text), ...cards])
}

function inNumber(value: number, { path, finds, named, name = '' }: Place): JsonValue {
  if (named !== 'strong' && (!isPaymentCard(String(value)) || namesAnId(name))) return value
  note(finds, path, value)
  return REDACTED
}

const FLAG = /^--?[A-Za-z][\w-]*$/

/** In a list of arguments, what follows `--password` is one; under `Authorization` every entry is. */
function inList(values: JsonValue[], { path, finds, named, name = '' }: Place): JsonValue[] {
  return values.map((value, index) => {
    const before = values[index - 1]
    const isFollowing = typeof before === 'string' && FLAG.test(before)
    const isFlag = typeof value === 'string' && FLAG.test(value)
    const strength = isFollowing && !isFlag ? strengthOf(before) : undefined
    return walk(value, { path: `${path}/${index}`, finds, named: strength ?? named, name })
  })
}

function inObject(object: { [key: string]: JsonValue }, { path, finds }: Place): JsonValue {
  const names = new Set<string>()
  const entries = Object.entries(object).map(([key, value]) => {
    if (areTooMany(finds)) return [key, value] as const
    const shown = unique(inText(key, { path: `${path}/${escapeToken(REDACTED)}`, finds }), names)
    const name = naming(key, object)
    const place = {
      path: `${path}/${escapeToken(shown)}`,
      finds,
      named: strengthOf(name),
      name,
    }
    return [shown, walk(value, place)] as const
  })
  // Own members only, `__proto__` among them.
  return Object.fromEntries(entries)
}

/** `{name: 'DB_PASSWORD', value: …}`, as variables and headers are often written: the name is the one beside it. */
function naming(key: string, object: { [key: string]: JsonValue }): string {
  if (key !== 'value') return key
  const beside = object.name ?? object.key ?? object.header
  return typeof beside === 'string' ? beside : key
}

/** Two keys that are both kept back stay two. */
function unique(name: string, names: Set<string>): string {
  let shown = name
  for (let count = 2; names.has(shown); count++) shown = `${name} ${count}`
  names.add(shown)
  return shown
}

const escapeToken = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1')

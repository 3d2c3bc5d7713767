import { type Dialect, readTokens, type Token } from './sql-tokens.ts'
import {
  BATCHED,
  BEFORE_NO_VERB,
  BEFORE_QUERY,
  BEHIND_FROM,
  DEFINES,
  EXPLAINS,
  FILLERS,
  MODIFIERS,
  OPAQUE,
  QUERIES,
  UPON_SOMETHING,
  VERBS,
  WRITES,
} from './sql-words.ts'

export interface SqlReading {
  /** Each by all its names: `DELETE customers`, `DROP TABLE public.users`, `DROP users`. */
  actions: [string, ...string[]][]
  /** It may do more than these. */
  unsure: boolean
}

/** Longer texts are read so far. */
const MAX_LENGTH = 256 * 1024
const MAX_ACTIONS = 20
/** Nobody honest nests as many. */
const MAX_HEADS = 200
/** Looks ahead for what a query acts upon, for each token of a text: few queries have to look far. */
const LOOKS_PER_TOKEN = 4

/** What has been found about a text, and what may still be looked at. */
interface Reading {
  unsure: boolean
  looks: number
}

/**
 * What a text of SQL does, as far as its words tell: the verb of each statement, of each query inside it, and what
 * that acts upon. Instrumentations cut texts, put `?` for values, and agents may write what they like; so what cannot
 * be told for certain is said to be unsure. What functions and procedures do stands in no text.
 */
export function readSql(text: string, dialect: Dialect): SqlReading {
  const key = `${dialect} ${text}`
  const known = remembered.get(key)
  if (known) return known
  const reading = readAnew(text, dialect)
  if (remembered.size >= MAX_REMEMBERED) remembered.clear()
  if (text.length <= MAX_REMEMBERED_CHARS) remembered.set(key, reading)
  return reading
}

/** Services ask the same few questions all day long, with placeholders for what differs. */
const remembered = new Map<string, SqlReading>()
const MAX_REMEMBERED = 2_000
const MAX_REMEMBERED_CHARS = 1_000

function readAnew(text: string, dialect: Dialect): SqlReading {
  const { statements, unsure } = readTokens(text.slice(0, MAX_LENGTH), dialect)
  const found = new Map<string, [string, ...string[]]>()
  const tokens = statements.reduce((sum, { length }) => sum + length, 0)
  const reading: Reading = { unsure: unsure || text.length > MAX_LENGTH, looks: LOOKS_PER_TOKEN * tokens }
  let heads = 0
  for (const names of statements.values().flatMap((tokens) => readStatement(tokens, dialect, reading))) {
    if (UPON_SOMETHING.has(names[0])) reading.unsure = true
    if (found.size < MAX_ACTIONS) found.set(names[0], names)
    else if (!found.has(names[0])) reading.unsure = true
    if (++heads < MAX_HEADS) continue
    reading.unsure = true
    break
  }
  if (found.size === 0) reading.unsure = true
  return { actions: [...found.values()], unsure: reading.unsure }
}

function* readStatement(
  tokens: readonly Token[],
  dialect: Dialect,
  reading: Reading,
): Generator<[string, ...string[]]> {
  const start = startOf(tokens)
  const first = tokens[start]
  if (first?.type !== 'word') {
    // Closing what was opened before: the end of a block.
    reading.unsure = true
    return
  }
  const verb = first.value
  if (!VERBS.has(verb) && verb !== 'WITH') reading.unsure = true
  if (OPAQUE.has(verb)) reading.unsure = true
  if (EXPLAINS.has(verb) && !tokens.some(({ value }) => value === 'ANALYZE' || value === 'ANALYSE')) {
    yield ['EXPLAIN']
    return
  }
  for (let at = start; at < tokens.length; at++) {
    const token = tokens[at] as Token
    if (token.type !== 'word') continue
    if (verb === 'MERGE' && WRITES.has(token.value) && tokens[at - 1]?.value === 'THEN')
      yield withObject(token.value, nameAt(tokens, start + 1).parts)
    else if (at === start ? verb !== 'WITH' && !EXPLAINS.has(verb) : isHead(tokens, at, start))
      yield* readHead(tokens, at, dialect, reading)
    else if (at > start && BATCHED.has(token.value) && isBatched(tokens, at, verb, dialect)) {
      if (dialect === 'mssql' && !DEFINES.has(verb)) yield* readHead(tokens, at, dialect, reading)
      else reading.unsure = true
    }
  }
}

/** Parentheses may stand around a query. */
function startOf(tokens: readonly Token[]): number {
  const start = tokens.findIndex(({ value, type }) => !(type === 'mark' && value === '('))
  return start < 0 ? tokens.length : start
}

/** The verb of a query inside a statement, or of the one that a WITH or an EXPLAIN leads to. */
function isHead(tokens: readonly Token[], at: number, start: number): boolean {
  const { value, depth } = tokens[at] as Token
  if (value === 'SELECT') return true
  const before = tokens[at - 1] as Token
  // `TABLE secrets` is a query of its own: SELECT * FROM secrets.
  if (value === 'TABLE' && before.type !== 'name' && BEFORE_QUERY.has(before.value)) return true
  if (value === 'TABLE' && (tokens[start] as Token).value === 'INSERT' && !INTO.has(before.value)) return true
  if (!WRITES.has(value)) return false
  const after = tokens[at + 1]
  // A column may be called like a verb.
  if (after === undefined || (after.type === 'mark' && after.value !== '(')) return false
  const opening = (tokens[start] as Token).value
  if (before.type === 'mark' && before.value === '(') return true
  if (EXPLAINS.has(opening)) return depth === 0
  return opening === 'WITH' && depth === 0 && before.type === 'mark' && before.value === ')'
}

/** `INSERT INTO TABLE a` */
const INTO = new Set(['INTO', 'OVERWRITE'])

/** Where statements need no semicolon between them: a verb in the middle begins another. */
const isBatched = (tokens: readonly Token[], at: number, verb: string, dialect: Dialect): boolean =>
  (dialect === 'mssql' || dialect === 'unknown') &&
  !EXPLAINS.has(verb) &&
  verb !== 'GRANT' &&
  verb !== 'REVOKE' &&
  (dialect === 'mssql' || !DEFINES.has(verb)) &&
  !BEFORE_NO_VERB.has((tokens[at - 1] as Token).value) &&
  !(tokens[at + 1]?.type === 'mark' && tokens[at + 1]?.value !== '(')

function* readHead(
  tokens: readonly Token[],
  at: number,
  dialect: Dialect,
  reading: Reading,
): Generator<[string, ...string[]]> {
  const { value: verb, depth } = tokens[at] as Token
  if (verb === 'SELECT') {
    const from = nameAfter(tokens, at, depth, 'FROM', reading)
    yield withObject(verb, from.parts)
    // A rule for the first of them says nothing of what it is joined with.
    for (const parts of joinedAfter(tokens, from.next, depth, reading))
      if (parts.length > 0) yield withObject(verb, parts)
    return
  }
  if (DEFINES.has(verb)) {
    yield* readDefinition(tokens, at, verb)
    return
  }
  const names = namesAt(tokens, at + 1)
  const aliased =
    verb === 'DELETE' ? tokens[names.next]?.value === 'FROM' : verb === 'UPDATE' && dialect !== 'postgresql'
  for (const parts of names.list) yield withObject(verb, parts)
  // `DELETE c FROM customers AS c`: what stands first may be another name of what comes later.
  if (!aliased) return
  const from = nameAfter(tokens, names.next, depth, 'FROM', reading)
  for (const parts of [from.parts, ...joinedAfter(tokens, from.next, depth, reading)])
    if (parts.length > 0) yield withObject(verb, parts)
}

/** `DROP TABLE users, orders`: `DROP TABLE users` and `DROP users` for each. */
function* readDefinition(
  tokens: readonly Token[],
  at: number,
  verb: string,
): Generator<[string, ...string[]]> {
  let next = at + 1
  while (MODIFIERS.has(tokens[next]?.value ?? '')) next++
  const type = tokens[next]
  if (type?.type !== 'word') {
    yield [verb]
    return
  }
  for (const parts of namesAt(tokens, next + 1).list) {
    const [first, ...others] = withObject(`${verb} ${type.value}`, parts)
    yield [first, ...new Set([...others, ...withObject(verb, parts)])]
  }
}

/** `verb object`, in the spellings that a policy may use. Names without quotes have no case of their own. */
function withObject(verb: string, object: Token[]): [string, ...string[]] {
  if (object.length === 0) return [verb]
  const written = object.map((part) => part.written)
  const folded = object.map((part) => (part.type === 'word' ? part.written.toLowerCase() : part.written))
  const spellings = [folded, written].flatMap((parts) => [parts.join('.'), parts.at(-1) as string])
  const [first = '', ...others] = new Set(spellings.map((spelling) => `${verb} ${spelling}`))
  return [first, ...others]
}

/** The name that stands here, behind words that say nothing of it; its parts, and what comes after it. */
function nameAt(tokens: readonly Token[], from: number): { parts: Token[]; next: number } {
  let at = from
  while (tokens[at]?.type === 'word' && FILLERS.has((tokens[at] as Token).value)) at++
  const parts: Token[] = []
  for (;;) {
    const part = tokens[at]
    if (part?.type !== 'word' && part?.type !== 'name') return { parts, next: at }
    parts.push(part)
    if (tokens[at + 1]?.value !== '.' || parts.length >= 5) return { parts, next: at + 1 }
    at += 2
  }
}

/** One name or several with commas between them; one without parts where there is none. */
function namesAt(tokens: readonly Token[], from: number): { list: Token[][]; next: number } {
  const first = nameAt(tokens, from)
  const list = [first.parts]
  let { next } = first
  while (tokens[next]?.value === ',' && list.length <= MAX_ACTIONS) {
    const another = nameAt(tokens, next + 1)
    if (another.parts.length === 0) break
    list.push(another.parts)
    next = another.next
  }
  return { list, next }
}

function nameAfter(
  tokens: readonly Token[],
  from: number,
  depth: number,
  word: string,
  reading: Reading,
): ReturnType<typeof nameAt> {
  for (let at = from; at < tokens.length && mayLook(reading); at++) {
    const token = tokens[at] as Token
    if (token.depth < depth) break
    if (token.type !== 'word' || token.depth !== depth) continue
    // What it reads goes into a new table, or a file.
    if (token.value === 'INTO') reading.unsure = true
    if (token.value === word && !isComparison(tokens, at)) return sourceAt(tokens, at + 1, reading)
    // Behind a UNION: what comes now is the other's.
    if (token.value === 'SELECT' && at > from) break
  }
  return { parts: [], next: tokens.length }
}

/** `a IS DISTINCT FROM b` */
const isComparison = (tokens: readonly Token[], from: number): boolean =>
  tokens[from - 1]?.value === 'DISTINCT' && /^(IS|NOT)$/.test(tokens[from - 2]?.value ?? '')

/** Parentheses around anything but one query hold names that are not looked for: `(a CROSS JOIN b)`, `ONLY (a)`. */
function sourceAt(tokens: readonly Token[], from: number, reading: Reading): ReturnType<typeof nameAt> {
  const source = nameAt(tokens, from)
  const isOpen = source.parts.length === 0 && isMark(tokens[source.next], '(')
  if (isOpen && !QUERIES.has(tokens[source.next + 1]?.value ?? '')) reading.unsure = true
  return source
}

const isMark = (token: Token | undefined, value: string): boolean =>
  token?.type === 'mark' && token.value === value

/** The other names of a FROM: behind a JOIN, or a comma. */
function* joinedAfter(
  tokens: readonly Token[],
  from: number,
  depth: number,
  reading: Reading,
): Generator<Token[]> {
  for (let at = from; at < tokens.length && mayLook(reading); at++) {
    const token = tokens[at] as Token
    if (token.depth < depth) return
    if (token.depth !== depth) continue
    if (token.type === 'word' && BEHIND_FROM.has(token.value)) return
    if (token.value === 'JOIN' || token.value === ',') yield sourceAt(tokens, at + 1, reading).parts
  }
}

/** A sender must not have us look for the end of a long text again and again. */
function mayLook(reading: Reading): boolean {
  if (reading.looks-- > 0) return true
  reading.unsure = true
  return false
}

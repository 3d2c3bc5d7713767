import { isSecretValue, type Strength, strengthOf } from './names.ts'
import type { Span } from './span.ts'

/**
 * `PASSWORD=hunter2`, `?token=…`, `"password": "…"`, `Authorization: Bearer …` inside a text: a command, a body, a file.
 * Texts are mostly prose and code, in which such words are common: what is neither quoted nor set as a variable has to
 * look drawn at random. Goes over the text once.
 */
export function findAssignments(text: string): Span[] {
  const spans: Span[] = []
  for (let index = 0; index < text.length; index++) {
    const sign = text.charCodeAt(index)
    if ((sign !== EQUALS && sign !== COLON) || isOperator(text, index)) continue
    const name = nameBefore(text, index)
    const strength = name && strengthOf(name)
    if (!name || !strength) continue
    const value = valueAfter(text, index)
    if (isSecret(text.slice(value.from, value.to), { name, strength, ...value }))
      spans.push({ from: value.from, to: value.to })
    index = Math.max(value.to - 1, index)
  }
  return spans
}

const EQUALS = 0x3d
const COLON = 0x3a

const isOperator = (text: string, at: number): boolean =>
  '=!<>:+'.includes(text[at - 1] ?? ' ') || '=:>~'.includes(text[at + 1] ?? ' ')

const LONGEST_NAME = 64

/** The word that ends here, whether or not it is quoted, and with a space at most. */
function nameBefore(text: string, at: number): string | undefined {
  let end = at
  if (text[end - 1] === ' ') end--
  if (text[end - 1] === '"' || text[end - 1] === "'") end--
  if (text[end - 1] === '\\') end--
  let from = end
  while (from > 0 && end - from < LONGEST_NAME && isOfName(text.charCodeAt(from - 1))) from--
  return from === end ? undefined : text.slice(from, end)
}

/** `[\w.-]`, without a pattern for each character. */
const isOfName = (code: number): boolean =>
  (code >= 0x61 && code <= 0x7a) || // a-z
  (code >= 0x41 && code <= 0x5a) || // A-Z
  (code >= 0x30 && code <= 0x39) || // 0-9
  code === 0x5f || // _
  code === 0x2d || // -
  code === 0x2e // .

interface Value extends Span {
  isQuoted: boolean
  /** Nothing stands between it and its sign: how shells, addresses and settings write it. */
  isClose: boolean
}

const SCHEMES = /(?:Bearer|Basic|Token|ApiKey|Digest) {1,2}/y
const UNQUOTED = /[^\s"'`,;&)\]}<>|\\]*/y

function valueAfter(text: string, at: number): Value {
  let from = at + 1
  while (text[from] === ' ' && from < at + 3) from++
  const isClose = from === at + 1
  const escaped = text[from] === '\\' && text[from + 1] === '"'
  const quote = escaped ? '\\"' : text[from]
  if (quote && ['"', "'", '`', '\\"'].includes(quote)) {
    from = skipScheme(text, from + quote.length)
    const end = text.indexOf(quote, from)
    if (end >= 0 && !text.slice(from, end).includes('\n')) return { from, to: end, isQuoted: true, isClose }
  }
  const credential = skipScheme(text, from)
  UNQUOTED.lastIndex = credential
  const to = credential + (UNQUOTED.exec(text)?.[0].length ?? 0)
  return { from: credential, to, isQuoted: credential > from, isClose }
}

/** `Bearer` says how to read what follows, and is no secret itself. */
function skipScheme(text: string, from: number): number {
  SCHEMES.lastIndex = from
  return from + (SCHEMES.exec(text)?.[0].length ?? 0)
}

const LEAST = { strong: 4, weak: 8 } as const
/** `settings.password`, `getToken()`, `os.environ[`: where code has a secret from. */
const CODE = /[([{$]|^[a-z_]\w*(?:\.[a-z_]\w*)+$/i

function isSecret(
  value: string,
  { name, strength, isQuoted, isClose }: Value & { name: string; strength: Strength },
): boolean {
  if (value.length < LEAST[strength] || !isSecretValue(value, strength)) return false
  // A command that is set between quotation marks would hide behind its name.
  if (isQuoted) return !/\s/.test(value)
  if (CODE.test(value)) return false
  if (isClose && name === name.toUpperCase()) return true
  return value.length >= 8 && /\d/.test(value) && /[A-Za-z]/.test(value)
}

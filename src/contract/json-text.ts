import type { JsonValue } from './json.ts'
import { escapeOf, UNSHOWN } from './visible.ts'

const STEP = '  '

/**
 * A JSON value for people, in which nothing is hidden and no two values look the same: members in canonical order
 * (RFC 8785), strings quoted, and a string of several lines as several quoted ones below each other, so that no
 * text can leave its quotes and pass for a member of its own. Recursion ends at the parser's MAX_DEPTH.
 */
export function jsonText(value: JsonValue): string {
  const out: string[] = []
  write(value, '', out)
  return out.join('')
}

/** An argv array: one argument to a line, each with its place and quoted, so that empty ones and spaces are seen. */
export const argvText = (argv: readonly string[]): string =>
  argv.map((argument, index) => `[${index}] ${quoteLines(argument, `\n${STEP}`)}`).join('\n')

/** A text in quotes, on one line. */
export const quote = (text: string): string => `"${escapeQuoted(text)}"`

function write(value: JsonValue, indent: string, out: string[]): void {
  if (typeof value === 'string') out.push(quoteLines(value, `\n${indent}${STEP}`))
  else if (typeof value !== 'object' || value === null) out.push(JSON.stringify(value))
  else if (Array.isArray(value)) writeList(value, indent, out)
  else writeObject(value, indent, out)
}

function writeList(value: readonly JsonValue[], indent: string, out: string[]): void {
  if (value.length === 0) return void out.push('[]')
  const inner = indent + STEP
  value.forEach((entry, index) => {
    out.push(index === 0 ? '[\n' : ',\n', inner)
    write(entry, inner, out)
  })
  out.push('\n', indent, ']')
}

function writeObject(value: { [key: string]: JsonValue }, indent: string, out: string[]): void {
  const keys = Object.keys(value).sort()
  if (keys.length === 0) return void out.push('{}')
  const inner = indent + STEP
  keys.forEach((key, index) => {
    const member = value[key] as JsonValue
    out.push(index === 0 ? '{\n' : ',\n', inner, quote(key), ':')
    out.push(typeof member === 'string' && isOfSeveralLines(member) ? `\n${inner}${STEP}` : ' ')
    write(member, inner, out)
  })
  out.push('\n', indent, '}')
}

const isOfSeveralLines = (text: string): boolean => {
  const first = text.indexOf('\n')
  return first >= 0 && first < text.length - 1
}

/** Each line in quotes of its own, with the `\n` that ends it; without a comma between them they are one string. */
function quoteLines(text: string, separator: string): string {
  if (!isOfSeveralLines(text)) return quote(text)
  const lines: string[] = []
  for (let start = 0; start < text.length; ) {
    const end = text.indexOf('\n', start)
    const next = end < 0 ? text.length : end + 1
    lines.push(quote(text.slice(start, next)))
    start = next
  }
  return lines.join(separator)
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
}
const IN_QUOTES = new RegExp(`["\\\\\\n]|${UNSHOWN}`, 'gu')

const escapeQuoted = (text: string): string =>
  text.replace(IN_QUOTES, (char) => ESCAPES[char] ?? escapeOf(char))

import { RE2JS } from 're2js'

/** True where the whole text matches. Case counts. */
export type Matcher = (text: string) => boolean

export const isExact = (pattern: string): boolean => !/[*?]/.test(pattern)

/**
 * `*` stands for any run of characters, `?` for one. The texts are the agent's: what is not a plain comparison
 * goes through RE2, whose time is linear in the text.
 */
export function compilePattern(pattern: string): Matcher {
  if (pattern === '*') return () => true
  if (isExact(pattern)) return (text) => text === pattern
  const head = pattern.slice(0, -1)
  if (pattern.endsWith('*') && isExact(head)) return (text) => text.startsWith(head)
  const tail = pattern.slice(1)
  if (pattern.startsWith('*') && isExact(tail)) return (text) => text.endsWith(tail)
  const source = pattern
    .split(/([*?])/)
    .map((part) => (part === '*' ? '.*' : part === '?' ? '.' : RE2JS.quote(part)))
    .join('')
  // DOTALL: a line break in a name must not make a deny rule miss it.
  const compiled = RE2JS.compile(source, RE2JS.DOTALL)
  const start = literalHead(pattern)
  return (text) => text.startsWith(start) && compiled.testExact(text)
}

export function compilePatterns(patterns: string[]): Matcher {
  const matchers = patterns.filter((pattern) => !isExact(pattern)).map(compilePattern)
  const exact = new Set(patterns.filter(isExact))
  const [only] = patterns
  if (patterns.length === 1 && only !== undefined) return compilePattern(only)
  return (text) => exact.has(text) || matchers.some((matches) => matches(text))
}

/** True only where it is certain that whatever `inner` matches, `outer` matches too. */
export function covers(outer: string, inner: string): boolean {
  if (outer === inner || outer === '*') return true
  if (isExact(inner)) return compilePattern(outer)(inner)
  const head = outer.slice(0, -1)
  if (outer.endsWith('*') && isExact(head)) return literalHead(inner).startsWith(head)
  const tail = outer.slice(1)
  if (outer.startsWith('*') && isExact(tail)) return literalTail(inner).endsWith(tail)
  return false
}

const literalHead = (pattern: string): string => pattern.split(/[*?]/, 1)[0] ?? ''
const literalTail = (pattern: string): string => pattern.split(/[*?]/).at(-1) ?? ''

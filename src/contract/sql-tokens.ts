/**
 * Which rules decide where a string or a comment ends. `unknown`: where they differ, nobody can say what a server
 * will make of it.
 */
export type Dialect = 'postgresql' | 'mysql' | 'mssql' | 'standard' | 'unknown'

export interface Token {
  type: 'word' | 'name' | 'mark' | 'text'
  /** A word in capitals, a quoted name without its quotes, a mark itself. */
  value: string
  /** A word as it was written. */
  written: string
  /** How many parentheses are open around it. */
  depth: number
}

export interface Tokens {
  statements: Token[][]
  /** It ended within a string or a comment, or servers would read it differently. */
  unsure: boolean
}

const WORD_START = /[\p{L}_@#]/u
const WORD = /[\p{L}\p{N}_$@#]*/uy
/** There `@` and `#` are operators: what stands behind one may be a string of any kind. */
const POSTGRES_START = /[\p{L}_]/u
const POSTGRES_WORD = /[\p{L}\p{N}_$]*/uy
/** `$$`, `$tag$`. */
const DOLLARS = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y

/** Parts a text of SQL into statements and tokens, in one pass over it: time is linear in its length. */
export function readTokens(text: string, dialect: Dialect): Tokens {
  const isPostgres = dialect === 'postgresql'
  const [wordStart, word] = isPostgres ? [POSTGRES_START, POSTGRES_WORD] : [WORD_START, WORD]
  const statements: Token[][] = [[]]
  let depth = 0
  let unsure = false
  let at = 0

  const push = (type: Token['type'], value: string, written = value): void => {
    statements.at(-1)?.push({ type, value, written, depth })
  }
  /** Behind the end; an end that never comes is behind the text. */
  const behind = (end: string, from: number): number => {
    const found = text.indexOf(end, from)
    if (found >= 0) return found + end.length
    unsure = true
    return text.length
  }

  /** For some servers a carriage return alone ends a line: what others take for a comment is code there. */
  function endOfComment(): number {
    const feed = text.indexOf('\n', at)
    const line = text.slice(at, feed < 0 ? text.length : feed)
    const returned = line.indexOf('\r')
    if (returned < 0 || returned === line.length - 1) return at + line.length + 1
    if (isPostgres) return at + returned + 1
    unsure = true
    return at + line.length + 1
  }

  /** `/*` nests in some, and in MySQL's own form it is no comment at all. */
  function skipComment(): void {
    const isCode = text[at + 2] === '!' || text.startsWith('M!', at + 2)
    if (isCode && dialect !== 'postgresql') unsure = true
    let open = 1
    for (at += 2; open > 0; at++) {
      const pair = text.slice(at, at + 2)
      if (pair === '') {
        unsure = true
        return
      }
      if (pair === '*/') open--
      else if (pair === '/*' && dialect === 'postgresql') open++
      else if (pair === '/*' && (dialect === 'unknown' || dialect === 'mssql')) unsure = true
      if (pair === '*/' || pair === '/*') at++
    }
  }

  function readQuoted(quote: string, escapes: boolean): string {
    const from = ++at
    for (;;) {
      const char = text[at]
      if (char === undefined) {
        unsure = true
        return text.slice(from)
      }
      if (char === '\\' && escapes) at += 2
      else if (char === quote && text[at + 1] === quote) at += 2
      else if (char === quote) return text.slice(from, at++)
      else {
        // A string that goes on in another line keeps its escapes; and a server may be told to see some in all of them.
        if (char === '\\' && (isPostgres || dialect === 'unknown') && text[at + 1] === quote) unsure = true
        at++
      }
    }
  }

  function readWord(): void {
    word.lastIndex = at
    const written = word.exec(text)?.[0] ?? ''
    at += written.length
    const next = text[at]
    if (next === "'" && /^(e|n|b|x|_\w+)$/i.test(written)) {
      readQuoted("'", /^e$/i.test(written) || dialect === 'mysql')
      push('text', '')
      return
    }
    // Oracle's own quotes, and names spelt in escapes.
    if (next === "'" && /^n?q$/i.test(written)) unsure = true
    if (next === '&' && /^u$/i.test(written)) unsure = true
    push('word', written.toUpperCase(), written)
  }

  function dollarsAt(): string | undefined {
    DOLLARS.lastIndex = at
    return DOLLARS.exec(text)?.[0]
  }

  while (at < text.length) {
    const char = text[at] as string
    const next = text[at + 1]
    if (/\s/.test(char)) {
      // A server may take an exotic space for part of a name.
      if (char > ' ') unsure = true
      at++
    } else if (char === '-' && next === '-') {
      if (dialect === 'mysql' && !/[\s\0]|^$/.test(text[at + 2] ?? '')) {
        push('mark', '-')
        at++
      } else {
        if (dialect === 'unknown' && !/\s|^$/.test(text[at + 2] ?? '')) unsure = true
        at = endOfComment()
      }
    } else if (char === '/' && next === '*') skipComment()
    else if (char === '#' && dialect !== 'mssql') {
      if (dialect === 'mysql') at = endOfComment()
      else {
        if (dialect !== 'postgresql') unsure = true
        push('mark', '#')
        at++
      }
    } else if (char === "'") {
      readQuoted("'", dialect === 'mysql')
      push('text', '')
    } else if (char === '"' || (char === '`' && !isPostgres))
      push('name', readQuoted(char, char === '"' && dialect === 'mysql'))
    else if (char === '[' && (dialect === 'mssql' || dialect === 'standard' || dialect === 'unknown')) {
      const name = text.slice(at + 1, behind(']', at) - 1)
      at += name.length + 2
      if (dialect === 'unknown' && /['";]/.test(name)) unsure = true
      push('name', name)
    } else if (char === '$' && dialect !== 'mysql' && dollarsAt() !== undefined) {
      const tag = dollarsAt() as string
      if (!isPostgres) unsure = true
      at = behind(tag, at + tag.length)
      push('text', '')
    } else if (wordStart.test(String.fromCodePoint(text.codePointAt(at) as number))) readWord()
    else if (char === ';') {
      statements.push([])
      depth = 0
      at++
    } else {
      if (char === ')') depth = Math.max(0, depth - 1)
      if (char < ' ' || char > '~' || char === '`') unsure = true
      push('mark', char)
      if (char === '(') depth++
      at++
    }
  }
  return { statements: statements.filter((tokens) => tokens.length > 0), unsure }
}

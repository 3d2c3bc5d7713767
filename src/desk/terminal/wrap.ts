/**
 * Lines of at most `columns` cells, 2 or more. What is cut continues on the next line, and the caller marks it as such: left to
 * the terminal, a long text would go on in the first column, where the card's own words stand.
 */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = []
  let rest = text
  while (rest.length > 0 || lines.length === 0) {
    const end = endOfLine(rest, columns)
    lines.push(rest.slice(0, end))
    rest = rest.slice(end)
  }
  return lines
}

function endOfLine(text: string, columns: number): number {
  let cells = 0
  let at = 0
  // A line ends after so many code points at the latest: marks take no cell, and an attacker has many.
  for (const char of text.slice(0, columns * 8)) {
    cells += cellsOf(char)
    if (cells > columns) break
    at += char.length
  }
  if (at >= text.length) return text.length
  // The bound above may fall into a surrogate pair.
  if (/[\ud800-\udbff]/.test(text[at - 1] ?? '')) at--
  const space = text.lastIndexOf(' ', at - 1)
  return space > (at * 2) / 3 ? space + 1 : at
}

/** Cells that a text takes, rather too many than too few. */
export function cells(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length
  let sum = 0
  for (const char of text) sum += cellsOf(char)
  return sum
}

function cellsOf(char: string): number {
  const point = char.codePointAt(0) ?? 0
  if (point < 0x300) return 1
  if (/\p{Mn}|\p{Me}/u.test(char)) return 0
  return NARROW.test(char) ? 1 : 2
}
const NARROW =
  /(?![\uff00-\uff60])[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Armenian}\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Devanagari}\p{Script=Thai}\u2010-\u2027\u2190-\u21ff\u2500-\u257f\u22ef]/u

/** Exactly `columns` cells wide, shortened where it does not fit. */
export function column(text: string, columns: number): string {
  const taken = cells(text)
  if (taken <= columns) return text + ' '.repeat(columns - taken)
  let short = ''
  let sum = 0
  for (const char of text) {
    if (sum + cellsOf(char) > columns - 1) break
    sum += cellsOf(char)
    short += char
  }
  return `${short}…${' '.repeat(columns - 1 - sum)}`
}

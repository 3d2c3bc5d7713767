const MAX_CELL = 60

/** Rows as lines for people: columns as wide as their widest cell, cells cut at 60 characters, numbers right. */
export function printTable(columns: readonly string[], rows: readonly (readonly unknown[])[]): string {
  if (columns.length === 0) return ''
  const cells = rows.map((row) => columns.map((_, at) => cell(row[at])))
  const widths = columns.map((name, at) => Math.max(width(name), ...cells.map((row) => width(row[at] ?? ''))))
  const right = columns.map((_, at) => rows.length > 0 && rows.every((row) => isNumber(row[at])))
  const line = (row: readonly string[]) =>
    row
      .map((text, at) => pad(text, widths[at] ?? 0, right[at] ?? false))
      .join('  ')
      .trimEnd()
  const rule = widths.map((size) => '─'.repeat(size))
  return `${[line(columns), line(rule), ...cells.map(line)].join('\n')}\n`
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return '–'
  const text =
    Array.isArray(value) && value.every((item) => typeof item === 'string') ? value.join(', ') : plain(value)
  // Names come from agents: what steers a terminal must not reach it.
  const shown = text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '·')
  return width(shown) > MAX_CELL ? `${[...shown].slice(0, MAX_CELL - 1).join('')}…` : shown
}

const plain = (value: unknown): string => (typeof value === 'object' ? JSON.stringify(value) : String(value))
const isNumber = (value: unknown): boolean =>
  value === null || typeof value === 'number' || (typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value))
const width = (text: string): number => [...text].length
const pad = (text: string, size: number, right: boolean): string => {
  const space = ' '.repeat(Math.max(0, size - width(text)))
  return right ? space + text : text + space
}

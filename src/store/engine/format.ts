const AT_END = /\bFORMAT\s+([A-Za-z]\w*)\s*;?\s*$/i

/**
 * Takes `FORMAT Name` off the end. Nothing relies on having found it: what is left is what is judged and run,
 * and a FORMAT that is still in it makes the judge's own answer unreadable, which refuses the statement.
 */
export function splitFormat(sql: string): { statement: string; format: string | undefined } {
  const found = AT_END.exec(sql)
  return { statement: found ? sql.slice(0, found.index) : sql, format: found?.[1] }
}

export const isFormatName = (text: string): boolean => /^[A-Za-z]\w*$/.test(text)

export function contentType(format: string): string {
  if (/^JSON(?!.*EachRow)/.test(format)) return 'application/json; charset=UTF-8'
  if (/^(JSON|TSV|TabSeparated|Pretty|Vertical|Values|Markdown|LineAsString)/.test(format))
    return 'text/plain; charset=UTF-8'
  return /^CSV/.test(format) ? 'text/csv; charset=UTF-8' : 'application/octet-stream'
}

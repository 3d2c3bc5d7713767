/** As ClickHouse reads them: a backslash escapes, in strings and in back-quoted names alike. */
export const quoteString = (text: string): string =>
  `'${text.replace(/[\\']/g, '\\$&').replaceAll('\0', '\\0')}'`

export const quoteIdentifier = (name: string): string => `\`${name.replace(/[\\`]/g, '\\$&')}\``

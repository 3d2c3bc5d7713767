import type { TimeRange } from './macros.ts'

/** What somebody selected: words, everything, or what a text box contains. */
export type Selection = readonly string[] | { all: string } | string

/**
 * Grafana's own part, in the browser: `${name}` and `${name:format}`. Only the formats that may carry somebody's
 * words into SQL are known; any other is refused.
 */
export function interpolate(
  text: string,
  selections: Readonly<Record<string, Selection>>,
  { fromMs, toMs }: Pick<TimeRange, 'fromMs' | 'toMs'>,
): string {
  return text.replaceAll(/\$\{(\w+)(?::([^}]*))?\}|\$(?!__)(\w+)/g, (whole, name: string, format = '') => {
    if (name === '__from' && format === '') return String(fromMs)
    if (name === '__to' && format === '') return String(toMs)
    if (name === undefined) throw new Error(`${whole}: write $\{name:format}`)
    // Grafana writes this one so, and every other zone by its name.
    const selected = selections[name] ?? (name === '__timezone' ? 'utc' : undefined)
    if (selected === undefined) throw new Error(`${whole}: there is no such variable`)
    return formatted(whole, selected, format)
  })
}

function formatted(whole: string, selected: Selection, format: string): string {
  const [kind, ...parameters] = format.split(':')
  // The custom value of All reaches the query as it is.
  if (typeof selected === 'object' && 'all' in selected) return selected.all
  if (kind === 'percentencode' && typeof selected === 'string') return percentEncoded(selected)
  if (kind === 'customqueryparam' && parameters.length === 1 && typeof selected === 'object')
    return selected.map((word) => `${parameters[0]}=${percentEncoded(word)}`).join('&')
  throw new Error(`${whole}: no format that keeps somebody's words out of the SQL`)
}

/** RFC 3986, as Grafana's encodeURIComponentStrict. */
const percentEncoded = (text: string): string =>
  encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )

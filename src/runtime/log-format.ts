/**
 * One JSON log line as a person at a terminal reads it. Everything that is not plain text stays escaped:
 * a log line is made of what agents and callers sent, and a terminal obeys control characters.
 */
export function formatForPeople(line: string): string {
  const { time, level, process: name, msg, error, ...fields } = JSON.parse(line) as Record<string, unknown>
  const clock = String(time).slice(11, 23)
  const rest = Object.entries(fields).map(([key, value]) => `${key}=${plain(value)}`)
  const head = `${clock} ${String(level).toUpperCase().padEnd(5)} ${plain(name)}: ${plain(msg)}`
  return `${[head, ...rest].join('  ')}${describeError(error)}\n`
}

function describeError(error: unknown): string {
  if (error === undefined) return ''
  if (typeof error !== 'object' || error === null) return `  error=${plain(error)}`
  const { type, code, message, stack } = error as Record<string, unknown>
  const trail = typeof stack === 'string' ? stack.split('\n').slice(1) : []
  return [`  error=${plain(code ?? type ?? 'Error')}: ${plain(message)}`, ...trail.map(plain)].join('\n')
}

function plain(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return (text ?? '').replace(
    /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu,
    (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`,
  )
}

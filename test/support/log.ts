import type { Log, LogFields } from '#runtime'

export interface LogLine {
  level: 'debug' | 'info' | 'warn' | 'error'
  message: string
  fields: LogFields
}

export interface FakeLog extends Log {
  readonly lines: LogLine[]
}

/** A log that only remembers. */
export function createFakeLog(lines: LogLine[] = [], always: LogFields = {}): FakeLog {
  const at =
    (level: LogLine['level']) =>
    (message: string, fields: LogFields = {}) => {
      lines.push({ level, message, fields: { ...always, ...fields } })
    }
  return {
    lines,
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => createFakeLog(lines, { ...always, ...fields }),
  }
}

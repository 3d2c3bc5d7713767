import { context, trace } from '@opentelemetry/api'
import { pino } from 'pino'
import { formatForPeople } from './log-format.ts'

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** `error` is the field for whatever was thrown; the other fields are the caller's. */
export type LogFields = Record<string, unknown>

export interface Log {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  /** The same log with these fields on every line. */
  child(fields: LogFields): Log
}

export interface LogOptions {
  /** The process: `broker`, `pipeline`, … */
  name: string
  level: LogLevel
  /** Takes one whole line with its newline. Standard error, unless a test listens. */
  write?: (line: string) => void
  /** For a person at a terminal rather than for a machine. */
  human?: boolean
}

/** Structured logs: one JSON object on each line, to standard error. */
export function createLog(options: LogOptions): Log {
  const { name, level, human = process.stderr.isTTY === true } = options
  const write = options.write ?? ((line: string) => void process.stderr.write(line))
  const sink = { write: (line: string) => write(human ? formatForPeople(line) : escapeUnseen(line)) }
  const settings = {
    level,
    base: { process: name },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    errorKey: 'error',
    serializers: { error: describeError },
    mixin: traceIds,
  }
  return wrap(pino(settings, sink))
}

function wrap(logger: pino.Logger): Log {
  const at =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, fields: LogFields = {}) =>
      logger[level](fields, message)
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => wrap(logger.child(fields)),
  }
}

/** Our own messages say what their causes say: pino would append it once more for each of them. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  return { ...pino.stdSerializers.err(error), message: messageOf(error) }
}

function messageOf(error: Error): string {
  let text = error.message
  const seen = new Set<unknown>([error])
  for (let { cause } = error; cause instanceof Error && !seen.has(cause); cause = cause.cause) {
    seen.add(cause)
    if (!text.includes(cause.message)) text += `: ${cause.message}`
  }
  return text
}

/** So that a log line leads to its trace. */
function traceIds(): LogFields {
  const span = trace.getSpanContext(context.active())
  return span ? { traceId: span.traceId, spanId: span.spanId } : {}
}

/**
 * JSON escapes the C0 controls. What is left can still steer a terminal or turn text around: DEL and the C1
 * controls, line separators, bidirectional and zero-width characters, tags. They occur only inside JSON strings.
 */
export function escapeUnseen(line: string): string {
  return line.replace(/[\x7f-\x9f\u2028\u2029\p{Cf}]/gu, (char) =>
    Array.from(
      { length: char.length },
      (_, at) => `\\u${char.charCodeAt(at).toString(16).padStart(4, '0')}`,
    ).join(''),
  )
}

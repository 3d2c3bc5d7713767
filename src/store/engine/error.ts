/** An answer in ClickHouse's own words: `Code: 497. DB::Exception: … (ACCESS_DENIED)`. */
export class EngineError extends Error {
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

const TYPES = {
  36: 'BAD_ARGUMENTS',
  62: 'SYNTAX_ERROR',
  81: 'UNKNOWN_DATABASE',
  164: 'READONLY',
  202: 'TOO_MANY_SIMULTANEOUS_QUERIES',
  236: 'ABORTED',
  307: 'TOO_MANY_BYTES',
  452: 'SETTING_CONSTRAINT_VIOLATION',
  497: 'ACCESS_DENIED',
  516: 'AUTHENTICATION_FAILED',
} as const

export const refuse = (code: keyof typeof TYPES, message: string): EngineError =>
  new EngineError(code, `Code: ${code}. DB::Exception: ${message} (${TYPES[code]})`)

/** What the addon threw, with the code that the engine put into its text. */
export function fromNative(error: unknown): EngineError {
  if (error instanceof EngineError) return error
  const message = (error instanceof Error ? error.message : String(error)).trim()
  const code = Number(/Code: (\d+)/.exec(message)?.[1] ?? 1002)
  return new EngineError(
    code,
    message.startsWith('Code:') ? message : `Code: ${code}. DB::Exception: ${message} (UNKNOWN_EXCEPTION)`,
  )
}

const STATUS: Readonly<Record<number, number>> = {
  36: 400,
  41: 400,
  46: 404,
  47: 404,
  60: 404,
  62: 400,
  73: 400,
  81: 404,
  117: 400,
  159: 408,
  164: 403,
  202: 503,
  236: 503,
  307: 413,
  452: 403,
  456: 400,
  497: 403,
  516: 403,
}

export const httpStatus = (code: number): number => STATUS[code] ?? 500

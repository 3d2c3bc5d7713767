import { HoldpointError } from '#contract'

/**
 * ClickHouse's codes for what is wrong with the rows themselves. Whatever else it refuses (a table that is missing, a
 * right, a quota, a disk that is full) somebody has to mend there, and no batch is at fault.
 */
const OF_THE_ROWS = new Set([
  '6', // CANNOT_PARSE_TEXT
  '26', // CANNOT_PARSE_QUOTED_STRING
  '27', // CANNOT_PARSE_INPUT_ASSERTION_FAILED
  '32', // ATTEMPT_TO_READ_AFTER_EOF
  '33', // CANNOT_READ_ALL_DATA
  '38', // CANNOT_PARSE_DATE
  '41', // CANNOT_PARSE_DATETIME
  '69', // ARGUMENT_OUT_OF_BOUND
  '70', // CANNOT_CONVERT_TYPE
  '72', // CANNOT_PARSE_NUMBER
  '117', // INCORRECT_DATA
  '128', // TOO_LARGE_ARRAY_SIZE
  '131', // TOO_LARGE_STRING_SIZE
  '190', // SIZES_OF_ARRAYS_DONT_MATCH
  '248', // INVALID_PARTITION_VALUE
  '321', // VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
  '349', // CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
  '407', // DECIMAL_OVERFLOW
  '469', // VIOLATED_CONSTRAINT
  '691', // UNKNOWN_ELEMENT_OF_ENUM
])

/**
 * The rows stand in their table by then. Taken apart, they would be stored once more under each other token; that the
 * view is not ours, or that a sender's text is what it cannot read, changes nothing about it. At the end of the message:
 * what comes before may be that text.
 */
const BEHIND_A_VIEW = /: while pushing to view [\w.`]+( \([\w-]+\))?\.?\s*$/

/** Runs an insert; what is not the rows' own fault is UNAVAILABLE and retryable, so that they wait for it to be mended. */
export async function blamingRows(insert: () => Promise<void>): Promise<void> {
  try {
    await insert()
  } catch (error) {
    const code = error instanceof Error ? (error.cause as { code?: unknown } | undefined)?.code : undefined
    throw typeof code === 'string' && !isOfTheRows(code, error) ? waiting(error) : error
  }
}

function isOfTheRows(code: string, error: unknown): boolean {
  const { message = '' } = (error as { cause?: { message?: string } }).cause ?? {}
  return OF_THE_ROWS.has(code) && !BEHIND_A_VIEW.test(message)
}

/** Nothing that is asked of the store is a batch's own fault. */
export async function blamingNobody<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    throw waiting(error)
  }
}

const waiting = (cause: unknown): HoldpointError =>
  new HoldpointError('UNAVAILABLE', cause instanceof Error ? cause.message : String(cause), {
    cause,
    retryable: true,
  })

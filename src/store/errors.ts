import { ClickHouseError } from '@clickhouse/client'
import { HoldpointError } from '#contract'

/** ClickHouse’s codes after which the same may succeed later, as it is: busy, cut off, out of room, between leaders. */
export const PASSING: Readonly<Record<number, string>> = {
  74: 'CANNOT_READ_FROM_FILE_DESCRIPTOR',
  75: 'CANNOT_WRITE_TO_FILE_DESCRIPTOR',
  76: 'CANNOT_OPEN_FILE',
  95: 'CANNOT_READ_FROM_SOCKET',
  96: 'CANNOT_WRITE_TO_SOCKET',
  159: 'TIMEOUT_EXCEEDED',
  160: 'TOO_SLOW',
  198: 'DNS_ERROR',
  201: 'QUOTA_EXCEEDED',
  202: 'TOO_MANY_SIMULTANEOUS_QUERIES',
  203: 'NO_FREE_CONNECTION',
  204: 'CANNOT_FSYNC',
  209: 'SOCKET_TIMEOUT',
  210: 'NETWORK_ERROR',
  225: 'NO_ZOOKEEPER',
  236: 'ABORTED',
  241: 'MEMORY_LIMIT_EXCEEDED',
  242: 'TABLE_IS_READ_ONLY',
  243: 'NOT_ENOUGH_SPACE',
  244: 'UNEXPECTED_ZOOKEEPER_ERROR',
  252: 'TOO_MANY_PARTS',
  254: 'NO_ACTIVE_REPLICAS',
  279: 'ALL_CONNECTION_TRIES_FAILED',
  285: 'TOO_FEW_LIVE_REPLICAS',
  286: 'UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE',
  289: 'REPLICA_IS_NOT_IN_QUORUM',
  319: 'UNKNOWN_STATUS_OF_INSERT',
  394: 'QUERY_WAS_CANCELLED',
  425: 'SYSTEM_ERROR',
  439: 'CANNOT_SCHEDULE_TASK',
  473: 'DEADLOCK_AVOIDED',
  499: 'S3_ERROR',
  745: 'SERVER_OVERLOADED',
  999: 'KEEPER_EXCEPTION',
  1000: 'POCO_EXCEPTION',
  1001: 'STD_EXCEPTION',
}

/**
 * What is wrong with the rows themselves. Whatever else an insert is refused for (a table that is missing, a right, a
 * quota, a full disk) somebody has to mend there, and no row is at fault: given up, everything that arrives until then
 * would be put aside.
 */
export const OF_THE_ROWS: Readonly<Record<number, string>> = {
  6: 'CANNOT_PARSE_TEXT',
  26: 'CANNOT_PARSE_QUOTED_STRING',
  27: 'CANNOT_PARSE_INPUT_ASSERTION_FAILED',
  32: 'ATTEMPT_TO_READ_AFTER_EOF',
  33: 'CANNOT_READ_ALL_DATA',
  38: 'CANNOT_PARSE_DATE',
  41: 'CANNOT_PARSE_DATETIME',
  69: 'ARGUMENT_OUT_OF_BOUND',
  70: 'CANNOT_CONVERT_TYPE',
  72: 'CANNOT_PARSE_NUMBER',
  117: 'INCORRECT_DATA',
  128: 'TOO_LARGE_ARRAY_SIZE',
  131: 'TOO_LARGE_STRING_SIZE',
  190: 'SIZES_OF_ARRAYS_DONT_MATCH',
  248: 'INVALID_PARTITION_VALUE',
  321: 'VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE',
  349: 'CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN',
  407: 'DECIMAL_OVERFLOW',
  469: 'VIOLATED_CONSTRAINT',
  691: 'UNKNOWN_ELEMENT_OF_ENUM',
}

/** Under the code TOO_MANY_PARTS, which else is for a while: these rows will be as many partitions the next time. */
const TOO_MANY_DAYS = /Too many partitions for single INSERT block/

/**
 * The rows stand in their table by then: of a view behind it, or of another shard that has said no after others have
 * stored. Sent in other parts, they would be stored once more. At the end or the beginning of the message: what stands
 * between may be a sender's text.
 */
const STORED_ALREADY = /: while pushing to view [\w.`]+( \([\w-]+\))?\.?\s*$|^Received from /

/** So that callers need to know one kind of error only. */
export const told = <T>(run: () => Promise<T>): Promise<T> => translated(run, ({ code }) => code in PASSING)

/** As `told`, for rows that must not be given up while it is the store that is wrong. */
export const toldOfInsert = <T>(run: () => Promise<T>): Promise<T> =>
  translated(run, ({ code, message }) => {
    const isOfTheRows = code in OF_THE_ROWS || TOO_MANY_DAYS.test(message)
    return !isOfTheRows || STORED_ALREADY.test(message)
  })

async function translated<T>(
  run: () => Promise<T>,
  isPassing: (error: { code: number; message: string }) => boolean,
): Promise<T> {
  try {
    return await run()
  } catch (cause) {
    if (cause instanceof HoldpointError) throw cause
    if (!(cause instanceof ClickHouseError)) {
      const reason = cause instanceof Error ? cause.message || String(cause) : String(cause)
      throw new HoldpointError('UNAVAILABLE', `ClickHouse cannot be reached: ${reason}`, {
        cause,
        retryable: true,
      })
    }
    const retryable = isPassing({ code: Number(cause.code), message: cause.message })
    const text = `ClickHouse refused it: ${cause.message.trim().replace(/\s+/g, ' ')} (${cause.type ?? cause.code})`
    throw new HoldpointError(retryable ? 'UNAVAILABLE' : 'INVALID_INPUT', text, { cause, retryable })
  }
}

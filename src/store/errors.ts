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
 * What an operator has to mend, and no row can help: rights, users, tables that have gone. An insert waits for it;
 * given up, everything that arrives until then would be put aside as if it were at fault.
 */
export const TO_BE_MENDED: Readonly<Record<number, string>> = {
  16: 'NO_SUCH_COLUMN_IN_TABLE',
  60: 'UNKNOWN_TABLE',
  81: 'UNKNOWN_DATABASE',
  115: 'UNKNOWN_SETTING',
  164: 'READONLY',
  192: 'UNKNOWN_USER',
  193: 'WRONG_PASSWORD',
  194: 'REQUIRED_PASSWORD',
  195: 'IP_ADDRESS_NOT_ALLOWED',
  218: 'TABLE_IS_DROPPED',
  291: 'DATABASE_ACCESS_DENIED',
  452: 'SETTING_CONSTRAINT_VIOLATION',
  497: 'ACCESS_DENIED',
  511: 'UNKNOWN_ROLE',
  516: 'AUTHENTICATION_FAILED',
  701: 'CLUSTER_DOESNT_EXIST',
}

/** Of the code TOO_MANY_PARTS, too: but these rows will be as many partitions the next time. */
const OWN_FAULT = /Too many partitions for single INSERT block/

/** So that callers need to know one kind of error only. */
export const told = <T>(run: () => Promise<T>): Promise<T> => translated(run, ({ code }) => code in PASSING)

/** As `told`, for rows that must not be given up while it is the store that is wrong. */
export const toldOfInsert = <T>(run: () => Promise<T>): Promise<T> =>
  translated(
    run,
    ({ code, message }) => (code in PASSING || code in TO_BE_MENDED) && !OWN_FAULT.test(message),
  )

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

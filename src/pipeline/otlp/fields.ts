import type { Range } from './ranges.ts'
import { WIRE } from './schema.ts'
import { type Cursor, readLength, readVarint32, skipField } from './wire.ts'

/**
 * Runs over the fields of a message that has been checked. A value lies between `at` and `to`: of texts and messages
 * behind their length; `start` is where the tag stands.
 */
export function eachField(
  bytes: Uint8Array,
  { from, to: end }: Range,
  take: (no: number, at: number, to: number, start: number) => void,
): void {
  const cursor: Cursor = { bytes, at: from }
  while (cursor.at < end) {
    const start = cursor.at
    const tag = readVarint32(cursor)
    let { at } = cursor
    if ((tag & 7) === WIRE.bytes) {
      const length = readLength(cursor, end)
      at = cursor.at
      cursor.at += length
    } else skipField(cursor, tag, end)
    take(tag >>> 3, at, cursor.at, start)
  }
}

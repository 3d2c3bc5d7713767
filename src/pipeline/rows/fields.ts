import { MAX_FIELD, WIRE } from '../otlp/schema.ts'
import { type Cursor, readVarint32, skipField } from '../otlp/wire.ts'
import type { RowWriter } from '../row-binary.ts'

/** Where the fields of one message lie, by their numbers. Made once and read into again and again. */
export interface Fields {
  /** `from` and `to` of a message that was found well-formed before. */
  read(bytes: Uint8Array, from: number, to: number): void
  /** Where the value of a field begins, -1 where it is not there; of text and messages behind the length. */
  at(no: number): number
  /** Where it ends; -1 as well. */
  to(no: number): number
  count(no: number): number
  /** Every value of a repeated field. */
  each(no: number, take: (at: number, to: number) => void): void
}

/** Of each field: its number, where its value begins, and where it ends. */
const SLOTS = 3

export function createFields(): Fields {
  const cursor: Cursor = { bytes: new Uint8Array(), at: 0 }
  const firstAt = new Int32Array(MAX_FIELD + 1)
  const firstTo = new Int32Array(MAX_FIELD + 1)
  const counts = new Int32Array(MAX_FIELD + 1)
  let slots: Int32Array<ArrayBuffer> = new Int32Array(SLOTS * 64)
  let used = 0

  function note(no: number, at: number, to: number): void {
    if (used === slots.length) slots = grown(slots)
    slots[used++] = no
    slots[used++] = at
    slots[used++] = to
    if ((counts[no] as number)++ > 0) return
    firstAt[no] = at
    firstTo[no] = to
  }

  return {
    read(bytes, from, to) {
      used = 0
      counts.fill(0)
      firstAt.fill(-1)
      firstTo.fill(-1)
      cursor.bytes = bytes
      cursor.at = from
      while (cursor.at < to) {
        const tag = readVarint32(cursor)
        const no = tag >>> 3
        let { at } = cursor
        if ((tag & 7) === WIRE.bytes) {
          const length = readVarint32(cursor)
          at = cursor.at
          cursor.at += length
        } else skipField(cursor, tag, to)
        if (no <= MAX_FIELD) note(no, at, cursor.at)
      }
    },
    at: (no) => firstAt[no] as number,
    to: (no) => firstTo[no] as number,
    count: (no) => counts[no] as number,
    each(no, take) {
      if (counts[no] === 0) return
      for (let next = 0; next < used; next += SLOTS)
        if (slots[next] === no) take(slots[next + 1] as number, slots[next + 2] as number)
    },
  }
}

/** A column of lists: `write` is called for each message under `no`, with `inner` at it. */
export function writeColumn(
  writer: RowWriter,
  bytes: Uint8Array,
  outer: Fields,
  no: number,
  inner: Fields,
  write: () => void,
): void {
  writer.varint(outer.count(no))
  outer.each(no, (at, to) => {
    inner.read(bytes, at, to)
    write()
  })
}

export function grown(from: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(from.length * 2)
  larger.set(from)
  return larger
}

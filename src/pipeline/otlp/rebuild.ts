import { HoldpointError } from '#contract'
import { MAX_VALUE_DEPTH } from './bounds.ts'
import type { Range } from './ranges.ts'
import { type Field, MAX_FIELD, type Message, WIRE } from './schema.ts'
import { type Cursor, readLength, readVarint32, skipField } from './wire.ts'
import { beginLength, copyBytes, createWriter, endLength, type Writer, written } from './writer.ts'

/**
 * What becomes of a known field that has a length: it is kept as it came, a message is entered, or the edit has
 * written what stands in its place, which may be nothing. `value` is what it holds, behind tag and length.
 */
export type Edit = (
  writer: Writer,
  message: Message,
  field: Field,
  value: Range,
) => 'keep' | 'enter' | 'replaced'

/**
 * A message again, edited; what is unknown stays as it came. A part whose bytes are no such message stays as it is,
 * for somebody else to refuse.
 */
export function rebuild(bytes: Uint8Array, message: Message, edit: Edit): Uint8Array {
  const writer = createWriter(bytes.length)
  rebuildMessage(writer, { bytes, at: 0 }, message, bytes.length, edit, 0)
  return written(writer)
}

function rebuildMessage(
  writer: Writer,
  cursor: Cursor,
  message: Message,
  to: number,
  edit: Edit,
  depth: number,
): void {
  const before = writer.at
  const from = cursor.at
  try {
    while (cursor.at < to) rebuildField(writer, cursor, message, to, edit, depth)
  } catch (error) {
    if (!(error instanceof HoldpointError) || depth > PART_DEPTH) throw error
    writer.at = before
    copyBytes(writer, cursor.bytes, from, to)
    cursor.at = to
  }
}

/** Where items stand. One that is malformed anywhere is left as it is, as a whole, and is not copied at each level. */
const PART_DEPTH = 3

/** Below requests, resources, scopes, items and their parts, values may be nested. */
const MAX_DEPTH = 3 * MAX_VALUE_DEPTH

function rebuildField(
  writer: Writer,
  cursor: Cursor,
  message: Message,
  end: number,
  edit: Edit,
  depth: number,
): void {
  const { bytes, at: start } = cursor
  const tag = readVarint32(cursor)
  const no = tag >>> 3
  const field = no <= MAX_FIELD ? message.fields[no] : undefined
  if (field === undefined || (tag & 7) !== WIRE.bytes || field.wire !== WIRE.bytes) {
    skipField(cursor, tag, end)
    copyBytes(writer, bytes, start, cursor.at)
    return
  }
  const behindTag = cursor.at
  const to = readLength(cursor, end) + cursor.at
  const value = { from: cursor.at, to }
  const becomes = edit(writer, message, field, value)
  if (becomes === 'enter' && depth < MAX_DEPTH) {
    copyBytes(writer, bytes, start, behindTag)
    const length = beginLength(writer)
    rebuildMessage(writer, cursor, field.message, to, edit, depth + 1)
    endLength(writer, length)
    return
  }
  if (becomes !== 'replaced') copyBytes(writer, bytes, start, to)
  cursor.at = to
}

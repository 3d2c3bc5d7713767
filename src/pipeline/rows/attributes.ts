import { decodeValue } from '../otlp/protobuf.ts'
import type { Range } from '../otlp/ranges.ts'
import type { Attributes } from '../otlp/span.ts'
import { compareBytes, valueText } from '../otlp/text.ts'
import { type Cursor, readDouble, readVarint32, readVarint64, skipField, skipVarint } from '../otlp/wire.ts'
import type { RowWriter } from '../row-binary.ts'
import { bytesField, fixedField, varintField } from './fields.ts'

/**
 * Attributes on their way from OTLP to `Map(LowCardinality(String), String)`: keys in the order of their bytes, of
 * two equal keys the later one, values as text. What is text already is copied.
 */
export interface AttributeRanges {
  clear(): void
  /** A KeyValue message, from where the cursor is. */
  add(cursor: Cursor, end: number): void
  /** All that a message has under this tag. */
  addAll(bytes: Uint8Array, message: Range, tag: number): void
  /** Sorts what was added, and writes it. */
  write(writer: RowWriter, bytes: Uint8Array): void
  /** After `write`: the value under a key as it stands in the map, nothing where there is none. */
  writeValueOf(key: Uint8Array, writer: RowWriter, bytes: Uint8Array): void
}

/** Of one attribute, from and to: its key and its value's message. */
const SLOTS = 4
const FEW = 32

export function createAttributeRanges(): AttributeRanges {
  let slots = new Int32Array(SLOTS * 64)
  let order = new Int32Array(64)
  let count = 0

  const cursor: Cursor = { bytes: new Uint8Array(), at: 0 }

  function compare(bytes: Uint8Array, one: number, other: number): number {
    let at = slots[one * SLOTS] as number
    let there = slots[other * SLOTS] as number
    const end = slots[one * SLOTS + 1] as number
    const endThere = slots[other * SLOTS + 1] as number
    while (at < end && there < endThere) {
      const difference = (bytes[at++] as number) - (bytes[there++] as number)
      if (difference !== 0) return difference
    }
    return end - at - (endThere - there)
  }

  /** Stable, so that of equal keys the later one stands last. */
  function sort(bytes: Uint8Array): void {
    for (let next = 0; next < count; next++) order[next] = next
    if (count > FEW) {
      order.set(Array.from(order.subarray(0, count)).sort((one, other) => compare(bytes, one, other)))
      return
    }
    for (let next = 1; next < count; next++) {
      let place = next
      while (place > 0 && compare(bytes, order[place - 1] as number, next) > 0) {
        order[place] = order[place - 1] as number
        place--
      }
      order[place] = next
    }
  }

  function dropEarlier(bytes: Uint8Array): void {
    let kept = 0
    for (let next = 0; next < count; next++) {
      const one = order[next] as number
      if (next + 1 < count && compare(bytes, one, order[next + 1] as number) === 0) continue
      order[kept++] = one
    }
    count = kept
  }

  function add(cursor: Cursor, end: number): void {
    if (count === order.length) {
      order = grown(order)
      slots = grown(slots)
    }
    const at = count++ * SLOTS
    slots.fill(0, at, at + SLOTS)
    while (cursor.at < end) {
      const tag = readVarint32(cursor)
      if (tag !== KEY && tag !== VALUE) {
        skipField(cursor, tag, end)
        continue
      }
      const length = readVarint32(cursor)
      const slot = tag === KEY ? at : at + 2
      slots[slot] = cursor.at
      cursor.at += length
      slots[slot + 1] = cursor.at
    }
  }

  function writeValue(writer: RowWriter, bytes: Uint8Array, one: number): void {
    const at = one * SLOTS
    writeAnyValue(writer, bytes, slots[at + 2] as number, slots[at + 3] as number)
  }

  return {
    clear() {
      count = 0
    },
    add,
    addAll(bytes, { from, to }, tag) {
      cursor.bytes = bytes
      cursor.at = from
      while (cursor.at < to) {
        const next = readVarint32(cursor)
        if (next === tag) add(cursor, readVarint32(cursor) + cursor.at)
        else skipField(cursor, next, to)
      }
    },
    write(writer, bytes) {
      sort(bytes)
      dropEarlier(bytes)
      writer.varint(count)
      for (let next = 0; next < count; next++) {
        const one = order[next] as number
        writer.copy(bytes, slots[one * SLOTS] as number, slots[one * SLOTS + 1] as number)
        writeValue(writer, bytes, one)
      }
    },
    writeValueOf(key, writer, bytes) {
      for (let next = 0; next < count; next++) {
        const one = order[next] as number
        const found = bytes.subarray(slots[one * SLOTS], slots[one * SLOTS + 1])
        if (Buffer.compare(found, key) === 0) return writeValue(writer, bytes, one)
      }
      writer.varint(0)
    },
  }
}

/** The same from attributes that were decoded. */
export function writeAttributes(writer: RowWriter, attributes: Attributes): void {
  const sorted = [...attributes].sort(([one], [other]) => compareBytes(one, other))
  writer.varint(sorted.length)
  for (const [key, value] of sorted) {
    writer.string(key)
    writer.string(valueText(value))
  }
}

const KEY = bytesField(1)
const VALUE = bytesField(2)

const STRING = bytesField(1)
const BOOL = varintField(2)
const INT = varintField(3)
const DOUBLE = fixedField(4)

const cursor: Cursor = { bytes: new Uint8Array(), at: 0 }

/** The text of an AnyValue: copied where it is a string. */
export function writeAnyValue(writer: RowWriter, bytes: Uint8Array, from: number, to: number): void {
  let kind = 0
  let start = to
  let end = to
  cursor.bytes = bytes
  cursor.at = from
  while (cursor.at < to) {
    const tag = readVarint32(cursor)
    const no = tag >>> 3
    if (no >= 1 && no <= 7) kind = tag
    if (tag === STRING) {
      end = readVarint32(cursor) + cursor.at
      start = cursor.at
      cursor.at = end
    } else {
      if (kind === tag) start = cursor.at
      skipField(cursor, tag, to)
    }
  }
  cursor.at = start
  if (kind === STRING) writer.copy(bytes, start, end)
  else if (kind === 0) writer.varint(0)
  else if (kind === BOOL) writer.string(readVarint64(cursor) === 0n ? 'false' : 'true')
  else if (kind === INT) writer.string(integerText(cursor))
  else if (kind === DOUBLE) writer.string(valueText(readDouble(cursor)))
  else writer.string(valueText(decodeValue(bytes, { from, to })))
}

function integerText(cursor: Cursor): string {
  const start = cursor.at
  skipVarint(cursor)
  const isSmall = cursor.at - start <= 4
  cursor.at = start
  return String(isSmall ? readVarint32(cursor) : BigInt.asIntN(64, readVarint64(cursor)))
}

const grown = (from: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> => {
  const larger = new Int32Array(from.length * 2)
  larger.set(from)
  return larger
}

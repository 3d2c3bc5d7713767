import { decodeValue } from '../otlp/protobuf.ts'
import { WIRE } from '../otlp/schema.ts'
import type { Attributes } from '../otlp/span.ts'
import { inByteOrder, valueText } from '../otlp/text.ts'
import { type Cursor, readDouble, readVarint32, readVarint64, skipField, skipVarint } from '../otlp/wire.ts'
import type { RowWriter } from '../row-binary.ts'
import { type Fields, grown } from './fields.ts'

/**
 * Attributes on their way from OTLP to `Map(LowCardinality(String), String)`: keys in the order of their bytes, of
 * two equal keys the later one, values as text. What is text already is copied.
 */
export interface AttributeCopier {
  /** Those of a message, which has them under `no`. */
  copy(writer: RowWriter, bytes: Uint8Array, message: Fields, no: number): void
  /** Of those that were copied last: the value under a key, nothing where there is none. */
  copyValueOf(key: Uint8Array, writer: RowWriter): void
}

/** Of one attribute, from and to: its key and its value's message. */
const SLOTS = 4
const FEW = 32

export function createAttributeCopier(): AttributeCopier {
  const cursor: Cursor = { bytes: new Uint8Array(), at: 0 }
  let slots = new Int32Array(SLOTS * 64)
  let order = new Int32Array(64)
  let count = 0
  /** How many `order` is a permutation of. */
  let sorted = -1

  function compare(one: number, other: number): number {
    const { bytes } = cursor
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
  function sort(): void {
    for (let next = 0; next < count; next++) order[next] = next
    if (count > FEW) {
      order.set(Array.from(order.subarray(0, count)).sort((one, other) => compare(one, other)))
      return
    }
    for (let next = 1; next < count; next++) {
      let place = next
      while (place > 0 && compare(order[place - 1] as number, next) > 0) {
        order[place] = order[place - 1] as number
        place--
      }
      order[place] = next
    }
  }

  /** Spans of one instrumentation have their keys in one order, which is then known already. */
  function isAsBefore(): boolean {
    if (count !== sorted) return false
    for (let next = 1; next < count; next++)
      if (compare(order[next - 1] as number, order[next] as number) >= 0) return false
    return true
  }

  function dropEarlier(): void {
    sorted = count
    let kept = 0
    for (let next = 0; next < count; next++) {
      const one = order[next] as number
      if (next + 1 < count && compare(one, order[next + 1] as number) === 0) continue
      order[kept++] = one
    }
    if (kept < count) sorted = -1
    count = kept
  }

  function add(from: number, end: number): void {
    if (count === order.length) {
      order = grown(order)
      slots = grown(slots)
    }
    const at = count++ * SLOTS
    slots[at] = slots[at + 1] = slots[at + 2] = slots[at + 3] = 0
    cursor.at = from
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

  function writeValue(writer: RowWriter, one: number): void {
    const at = one * SLOTS
    writeAnyValue(writer, cursor.bytes, slots[at + 2] as number, slots[at + 3] as number)
  }

  return {
    copy(writer, bytes, message, no) {
      cursor.bytes = bytes
      count = 0
      message.each(no, add)
      if (!isAsBefore()) {
        sort()
        dropEarlier()
      }
      writer.varint(count)
      for (let next = 0; next < count; next++) {
        const one = order[next] as number
        writer.copy(cursor.bytes, slots[one * SLOTS] as number, slots[one * SLOTS + 1] as number)
        writeValue(writer, one)
      }
    },
    copyValueOf(key, writer) {
      for (let next = 0; next < count; next++) {
        const one = order[next] as number
        const found = cursor.bytes.subarray(slots[one * SLOTS], slots[one * SLOTS + 1])
        if (Buffer.compare(found, key) === 0) return writeValue(writer, one)
      }
      writer.varint(0)
    },
  }
}

/** The same from attributes that were decoded. */
export function writeAttributes(writer: RowWriter, attributes: Attributes): void {
  writer.varint(attributes.size)
  for (const key of inByteOrder(attributes.keys())) {
    writer.string(key)
    writer.string(valueText(attributes.get(key)))
  }
}

const tagOf = (no: number, wire: number): number => (no << 3) | wire
const KEY = tagOf(1, WIRE.bytes)
const VALUE = tagOf(2, WIRE.bytes)

const STRING = tagOf(1, WIRE.bytes)
const BOOL = tagOf(2, WIRE.varint)
const INT = tagOf(3, WIRE.varint)
const DOUBLE = tagOf(4, WIRE.bit64)

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

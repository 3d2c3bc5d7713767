import { isUtf8 } from 'node:buffer'
import { HoldpointError } from '#contract'
import { WIRE, type Wire } from './schema.ts'

/** A place in protobuf bytes. Every read moves it; none reads beyond `bytes` without throwing INVALID_INPUT. */
export interface Cursor {
  bytes: Uint8Array
  at: number
}

export const malformed = (at: number, what: string): HoldpointError =>
  new HoldpointError('INVALID_INPUT', `OTLP protobuf: ${what}, at byte ${at}`)

/** Tags and lengths: 32 bits. Most are of one byte. */
export function readVarint32(cursor: Cursor): number {
  const byte = cursor.bytes[cursor.at++] as number
  return byte < 0x80 ? byte : readLongVarint32(cursor, byte)
}

function readLongVarint32(cursor: Cursor, first: number): number {
  let value = first & 0x7f
  for (let shift = 7; shift < 35; shift += 7) {
    const byte = cursor.bytes[cursor.at++]
    if (byte === undefined) throw cutShort(cursor)
    value |= (byte & 0x7f) << shift
    if (byte < 0x80 && (shift < 28 || byte < 0x10)) return value >>> 0
  }
  throw malformed(cursor.at, 'a tag or a length takes more than 32 bits')
}

/** The length of what follows, which then lies within `end`. */
export function readLength(cursor: Cursor, end: number): number {
  const length = readVarint32(cursor)
  if (length > end - cursor.at)
    throw malformed(cursor.at, `something of ${length} bytes runs past the end of its message`)
  return length
}

/** At most ten bytes, the last of which holds the 64th bit. */
export function skipVarint(cursor: Cursor): void {
  const { bytes } = cursor
  for (let left = 10; left > 0; left--) {
    const byte = bytes[cursor.at++]
    if (byte === undefined) throw cutShort(cursor)
    if (byte < 0x80) {
      if (left === 1 && byte > 1) break
      return
    }
  }
  throw malformed(cursor.at, 'a number takes more than 64 bits')
}

/** A number of 64 bits, two's complement where it is signed: `BigInt.asIntN(64, …)`. */
export function readVarint64(cursor: Cursor): bigint {
  const start = cursor.at
  skipVarint(cursor)
  let value = 0n
  for (let at = cursor.at - 1; at >= start; at--)
    value = (value << 7n) | BigInt((cursor.bytes[at] as number) & 0x7f)
  return value
}

/** An enum or an int32: of a longer number the low 32 bits, as every protobuf reader takes them. */
export function readInt32(cursor: Cursor): number {
  const byte = cursor.bytes[cursor.at] as number
  if (byte < 0x80) {
    cursor.at++
    return byte
  }
  return Number(BigInt.asIntN(32, readVarint64(cursor)))
}

export function readFixed64(cursor: Cursor): bigint {
  return viewOf(cursor, 8).getBigUint64(0, true)
}

export function readDouble(cursor: Cursor): number {
  return viewOf(cursor, 8).getFloat64(0, true)
}

function viewOf(cursor: Cursor, length: number): DataView {
  const { bytes, at } = cursor
  if (at + length > bytes.length) throw cutShort(cursor)
  cursor.at += length
  return new DataView(bytes.buffer, bytes.byteOffset + at, length)
}

/** UTF-8 as it stands: a byte order mark is a character like any other, and none is added or taken away. */
export const textOf = (bytes: Uint8Array, from: number, to: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('utf8')

const SHORT = 48

/** Most strings are short and ASCII, where a call into the engine costs more than a look. */
export function isText(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from > SHORT) return isUtf8(bytes.subarray(from, to))
  let bits = 0
  for (let at = from; at < to; at++) bits |= bytes[at] as number
  return bits < 0x80 || isUtf8(bytes.subarray(from, to))
}

const MAX_GROUP_DEPTH = 100

/** Skips a field that nobody knows. Groups are no longer written by anybody, and still have an end. */
export function skipField(cursor: Cursor, tag: number, end: number): void {
  if (tag >>> 3 === 0) throw malformed(cursor.at, 'field number 0')
  const wire = (tag & 7) as Wire
  if (wire === WIRE.startGroup) skipGroup(cursor, tag >>> 3, end)
  else if (wire === WIRE.varint) skipVarint(cursor)
  else if (wire === WIRE.bit64) cursor.at += 8
  else if (wire === WIRE.bytes) cursor.at = readLength(cursor, end) + cursor.at
  else if (wire === WIRE.bit32) cursor.at += 4
  else throw malformed(cursor.at, `field ${tag >>> 3} has wire type ${wire}`)
  if (cursor.at > end) throw cutShort(cursor)
}

function skipGroup(cursor: Cursor, no: number, end: number): void {
  const open = [no]
  while (open.length > 0) {
    if (cursor.at >= end) throw cutShort(cursor)
    const tag = readVarint32(cursor)
    const wire = tag & 7
    if (wire === WIRE.startGroup) {
      if (tag >>> 3 === 0 || open.push(tag >>> 3) > MAX_GROUP_DEPTH)
        throw malformed(cursor.at, `groups are nested deeper than ${MAX_GROUP_DEPTH}`)
    } else if (wire === WIRE.endGroup) {
      if (open.pop() !== tag >>> 3) throw malformed(cursor.at, 'a group ends that did not begin')
    } else skipField(cursor, tag, end)
  }
}

export const cutShort = ({ at }: Cursor): HoldpointError =>
  malformed(at, 'a field runs past the end of its message')

import { type Cursor, readInt32 } from '../otlp/wire.ts'
import type { RowWriter } from '../row-binary.ts'

const cursor: Cursor = { bytes: new Uint8Array(), at: 0 }

/** An enum or an int32; 0 where it is not there. */
export function numberAt(bytes: Uint8Array, at: number): number {
  if (at === -1) return 0
  cursor.bytes = bytes
  cursor.at = at
  return readInt32(cursor)
}

/** A trace's or span's id as hex; one of zeros means that there is none. */
export function writeId(writer: RowWriter, bytes: Uint8Array, from: number, to: number): void {
  let isZero = true
  for (let at = from; at < to; at++) if (bytes[at] !== 0) isZero = false
  writer.hex(bytes, from, isZero ? from : to)
}

/** DateTime64(9), UInt64 and Float64 are the eight bytes of fixed64 and double. Zero where there is no such field. */
export function writeFixed64(writer: RowWriter, bytes: Uint8Array, at: number): void {
  writer.reserve(8)
  for (let next = 0; next < 8; next++)
    writer.bytes[writer.at + next] = at === -1 ? 0 : (bytes[at + next] as number)
  writer.at += 8
}

/** Clocks are set back now and then; a duration of five centuries helps nobody. */
export function writeDuration(writer: RowWriter, bytes: Uint8Array, start: number, end: number): void {
  const [startLow, endLow] = [uint32(bytes, start, 0), uint32(bytes, end, 0)]
  const [startHigh, endHigh] = [uint32(bytes, start, 4), uint32(bytes, end, 4)]
  const isAfter = endHigh > startHigh || (endHigh === startHigh && endLow > startLow)
  writer.uint32(isAfter ? (endLow - startLow) >>> 0 : 0)
  writer.uint32(isAfter ? endHigh - startHigh - (endLow < startLow ? 1 : 0) : 0)
}

/** Half of a fixed64; 0 where it is not there. */
export function uint32(bytes: Uint8Array, start: number, offset: 0 | 4): number {
  if (start === -1) return 0
  const at = start + offset
  const [one, two, three, four] = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]] as [
    number,
    number,
    number,
    number,
  ]
  return (one | (two << 8) | (three << 16) | (four << 24)) >>> 0
}

/** Days since the epoch of a time in nanoseconds: exact, for a day is 1318359375 times 2^16 of them. */
export const dayOfTime = (bytes: Uint8Array, at: number): number =>
  Math.floor((uint32(bytes, at, 4) * 0x10000 + (uint32(bytes, at, 0) >>> 16)) / 1_318_359_375)

export const isZeroTime = (bytes: Uint8Array, at: number): boolean =>
  uint32(bytes, at, 0) === 0 && uint32(bytes, at, 4) === 0

/** The last moment that a DateTime can hold, in February 2106. */
const MAX_SECONDS = 2 ** 32 - 1

/** Nanoseconds as whole seconds, for a DateTime: a billion is 1953125 times 2^9. */
export function secondsAt(bytes: Uint8Array, at: number): number {
  const seconds = (uint32(bytes, at, 4) * 2 ** 23 + (uint32(bytes, at, 0) >>> 9)) / 1_953_125
  return Math.min(Math.floor(seconds), MAX_SECONDS)
}

/** A sint32, zigzag. */
export function signedAt(bytes: Uint8Array, at: number): number {
  const value = numberAt(bytes, at)
  return (value >>> 1) ^ -(value & 1)
}

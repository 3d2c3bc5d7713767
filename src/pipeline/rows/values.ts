import { uint32 } from '../otlp/time.ts'
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

/** A sint32, zigzag. */
export function signedAt(bytes: Uint8Array, at: number): number {
  const value = numberAt(bytes, at)
  return (value >>> 1) ^ -(value & 1)
}

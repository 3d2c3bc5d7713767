/** Protobuf as it is being written. */
export interface Writer {
  bytes: Buffer
  at: number
}

const FIRST_BYTES = 16 * 1024

export const createWriter = (bytes = FIRST_BYTES): Writer => ({ bytes: Buffer.allocUnsafeSlow(bytes), at: 0 })

/** What was written; nothing may be written afterwards. */
export const written = ({ bytes, at }: Writer): Uint8Array =>
  new Uint8Array(bytes.buffer, bytes.byteOffset, at)

function reserve(writer: Writer, more: number): void {
  const needed = writer.at + more
  if (needed <= writer.bytes.length) return
  const larger = Buffer.allocUnsafeSlow(Math.max(needed, writer.bytes.length * 2))
  writer.bytes.copy(larger, 0, 0, writer.at)
  writer.bytes = larger
}

export const writeTag = (writer: Writer, no: number, wire: number): void =>
  writeVarint32(writer, (no << 3) | wire)

/** Of at most 32 bits, as tags and lengths are. */
export function writeVarint32(writer: Writer, value: number): void {
  reserve(writer, 5)
  let left = value
  while (left > 0x7f) {
    writer.bytes[writer.at++] = (left & 0x7f) | 0x80
    left >>>= 7
  }
  writer.bytes[writer.at++] = left
}

/** Negative numbers take ten bytes. */
export function writeVarint64(writer: Writer, value: bigint): void {
  reserve(writer, 10)
  let left = BigInt.asUintN(64, value)
  while (left > 0x7fn) {
    writer.bytes[writer.at++] = Number(left & 0x7fn) | 0x80
    left >>= 7n
  }
  writer.bytes[writer.at++] = Number(left)
}

export function writeFixed32(writer: Writer, value: number): void {
  reserve(writer, 4)
  writer.at = writer.bytes.writeUInt32LE(value, writer.at)
}

export function writeFixed64(writer: Writer, value: bigint): void {
  reserve(writer, 8)
  writer.at = writer.bytes.writeBigUInt64LE(BigInt.asUintN(64, value), writer.at)
}

export function writeDouble(writer: Writer, value: number): void {
  reserve(writer, 8)
  writer.at = writer.bytes.writeDoubleLE(value, writer.at)
}

/** Lone surrogates become U+FFFD. */
export function writeText(writer: Writer, value: string): void {
  const length = Buffer.byteLength(value)
  writeVarint32(writer, length)
  reserve(writer, length)
  writer.at += writer.bytes.write(value, writer.at)
}

export function writeBytes(writer: Writer, value: Uint8Array): void {
  writeVarint32(writer, value.length)
  copyBytes(writer, value, 0, value.length)
}

/** Bytes as they are, with nothing before them. */
export function copyBytes(writer: Writer, from: Uint8Array, start: number, end: number): void {
  if (start === end) return
  reserve(writer, end - start)
  writer.bytes.set(from.subarray(start, end), writer.at)
  writer.at += end - start
}

/** Where the length of what follows will stand, once `endLength` knows it. */
export function beginLength(writer: Writer): number {
  reserve(writer, 1)
  return ++writer.at
}

/** Most messages are shorter than 128 bytes, whose length fits where it was expected; longer ones move. */
export function endLength(writer: Writer, start: number): void {
  const length = writer.at - start
  if (length < 0x80) {
    writer.bytes[start - 1] = length
    return
  }
  const more = length < 2 ** 14 ? 1 : length < 2 ** 21 ? 2 : length < 2 ** 28 ? 3 : 4
  reserve(writer, more)
  writer.bytes.copyWithin(start + more, start, writer.at)
  writer.at = start - 1
  writeVarint32(writer, length)
  writer.at += length
}

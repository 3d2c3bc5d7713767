/**
 * Rows in ClickHouse's RowBinary, one value after the other in the order of the columns. Its strings are a varint
 * of their length and their bytes, as in protobuf, so they can be copied from one to the other.
 */
export interface RowWriter {
  /** Room for this many more bytes; `bytes` and `view` may be others afterwards. */
  reserve(more: number): void
  bytes: Uint8Array<ArrayBuffer>
  view: DataView
  /** Where the next value goes. */
  at: number
  uint8(value: number): void
  uint32(value: number): void
  int32(value: number): void
  /** Its lowest 64 bits. */
  uint64(value: bigint): void
  float64(value: number): void
  bool(value: boolean): void
  varint(value: number): void
  string(value: string): void
  /** One value or several that are written already. */
  encoded(value: Uint8Array): void
  /** A string whose UTF-8 lies in other bytes. */
  copy(from: Uint8Array, start: number, end: number): void
  /** Bytes as lowercase hex. */
  hex(from: Uint8Array, start: number, end: number): void
  list<T>(values: readonly T[], write: (value: T) => void): void
  /** What was written; the writer begins anew, in other memory: with room for so many bytes, before it has to grow. */
  finish(nextBytes?: number): Uint8Array<ArrayBuffer>
  /** A copy of what was written; the writer begins anew. */
  take(): Uint8Array<ArrayBuffer>
}

const FIRST_BYTES = 64 * 1024
/** Below it a loop is quicker than a call, and a length takes one byte. */
const SHORT_BYTES = 64
const HEX = Uint8Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0))
const encoder = new TextEncoder()

export function createRowWriter(firstBytes = FIRST_BYTES): RowWriter {
  const writer: RowWriter = {
    bytes: new Uint8Array(0),
    view: new DataView(new ArrayBuffer(0)),
    at: 0,
    reserve(more) {
      const needed = writer.at + more
      if (needed <= writer.bytes.length) return
      const larger = memoryOf(Math.max(needed, writer.bytes.length * 2))
      larger.set(writer.bytes.subarray(0, writer.at))
      writer.bytes = larger
      writer.view = new DataView(larger.buffer)
    },
    uint8(value) {
      writer.reserve(1)
      writer.bytes[writer.at++] = value
    },
    uint32(value) {
      writer.reserve(4)
      writer.view.setUint32(writer.at, value, true)
      writer.at += 4
    },
    int32(value) {
      writer.reserve(4)
      writer.view.setInt32(writer.at, value, true)
      writer.at += 4
    },
    uint64(value) {
      writer.reserve(8)
      writer.view.setBigUint64(writer.at, value, true)
      writer.at += 8
    },
    float64(value) {
      writer.reserve(8)
      writer.view.setFloat64(writer.at, value, true)
      writer.at += 8
    },
    bool: (value) => writer.uint8(value ? 1 : 0),
    varint(value) {
      writer.reserve(10)
      let left = value
      while (left >= 0x80) {
        writer.bytes[writer.at++] = (left % 0x80) | 0x80
        left = Math.floor(left / 0x80)
      }
      writer.bytes[writer.at++] = left
    },
    string(value) {
      const { length } = value
      if (length < SHORT_BYTES && writeAscii(writer, value)) return
      const utf8 = encoder.encode(value)
      writer.varint(utf8.length)
      writer.encoded(utf8)
    },
    encoded(value) {
      writer.reserve(value.length)
      writer.bytes.set(value, writer.at)
      writer.at += value.length
    },
    copy(from, start, end) {
      const length = end - start
      if (length >= SHORT_BYTES) {
        writer.varint(length)
        writer.encoded(from.subarray(start, end))
        return
      }
      writer.reserve(1 + length)
      const { bytes } = writer
      let { at } = writer
      bytes[at++] = length
      for (let next = start; next < end; next++) bytes[at++] = from[next] as number
      writer.at = at
    },
    hex(from, start, end) {
      writer.varint(2 * (end - start))
      writer.reserve(2 * (end - start))
      const { bytes } = writer
      let { at } = writer
      for (let next = start; next < end; next++) {
        const byte = from[next] as number
        bytes[at++] = HEX[byte >> 4] as number
        bytes[at++] = HEX[byte & 15] as number
      }
      writer.at = at
    },
    list(values, write) {
      writer.varint(values.length)
      for (const value of values) write(value)
    },
    finish(nextBytes = FIRST_BYTES) {
      const written = writer.bytes.subarray(0, writer.at)
      start(writer, nextBytes)
      return written
    },
    take() {
      const written = writer.bytes.slice(0, writer.at)
      writer.at = 0
      return written
    },
  }
  start(writer, firstBytes)
  return writer
}

function start(writer: RowWriter, bytes: number): void {
  writer.bytes = memoryOf(bytes)
  writer.view = new DataView(writer.bytes.buffer)
  writer.at = 0
}

/** Not zeroed: what was not written is never given away. */
const memoryOf = (bytes: number): Uint8Array<ArrayBuffer> =>
  new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer)

/** Most texts are; false, and nothing written, for the others. */
function writeAscii(writer: RowWriter, value: string): boolean {
  const { length } = value
  writer.reserve(1 + length)
  const { bytes, at } = writer
  bytes[at] = length
  for (let next = 0; next < length; next++) {
    const code = value.charCodeAt(next)
    if (code >= 0x80) return false
    bytes[at + 1 + next] = code
  }
  writer.at = at + 1 + length
  return true
}

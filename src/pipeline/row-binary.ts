/**
 * Rows in ClickHouse's RowBinary, one value after the other in the order of the columns. Its strings are a varint
 * of their length and their bytes, as in protobuf, so they can be copied from one to the other.
 */
export interface RowWriter {
  /** Room for this many more bytes; `bytes` and `view` may be others afterwards. */
  reserve(more: number): void
  bytes: Uint8Array
  view: DataView
  /** Where the next value goes. */
  at: number
  uint8(value: number): void
  uint16(value: number): void
  uint32(value: number): void
  int32(value: number): void
  uint64(value: bigint): void
  int64(value: bigint): void
  float64(value: number): void
  bool(value: boolean): void
  varint(value: number): void
  string(value: string): void
  /** A string whose UTF-8 is there already. */
  utf8(value: Uint8Array): void
  /** Bytes as they are, without a length before them. */
  raw(from: Uint8Array, start: number, end: number): void
  map(entries: Iterable<readonly [string, string]>, size: number): void
  list<T>(values: readonly T[], write: (value: T) => void): void
  /** What was written; later writes do not change it. */
  finish(): Uint8Array
}

const FIRST_BYTES = 64 * 1024
const encoder = new TextEncoder()

export function createRowWriter(): RowWriter {
  const writer: RowWriter = {
    bytes: new Uint8Array(FIRST_BYTES),
    view: new DataView(new ArrayBuffer(0)),
    at: 0,
    reserve(more) {
      const needed = writer.at + more
      if (needed <= writer.bytes.length) return
      const larger = new Uint8Array(Math.max(needed, writer.bytes.length * 2))
      larger.set(writer.bytes.subarray(0, writer.at))
      writer.bytes = larger
      writer.view = new DataView(larger.buffer)
    },
    uint8(value) {
      writer.reserve(1)
      writer.bytes[writer.at++] = value
    },
    uint16(value) {
      writer.reserve(2)
      writer.view.setUint16(writer.at, value, true)
      writer.at += 2
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
    int64(value) {
      writer.reserve(8)
      writer.view.setBigInt64(writer.at, value, true)
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
    string: (value) => writer.utf8(encoder.encode(value)),
    utf8(value) {
      writer.varint(value.length)
      writer.raw(value, 0, value.length)
    },
    raw(from, start, end) {
      writer.reserve(end - start)
      writer.bytes.set(from.subarray(start, end), writer.at)
      writer.at += end - start
    },
    map(entries, size) {
      writer.varint(size)
      for (const [key, value] of entries) {
        writer.string(key)
        writer.string(value)
      }
    },
    list(values, write) {
      writer.varint(values.length)
      for (const value of values) write(value)
    },
    finish: () => writer.bytes.slice(0, writer.at),
  }
  writer.view = new DataView(writer.bytes.buffer)
  return writer
}

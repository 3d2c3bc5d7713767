/** Room that grows, and the few values of RowBinary that a week is made of. Integers are little-endian. */
export interface Bytes {
  data: Uint8Array<ArrayBuffer>
  at: number
  reserve(more: number): void
  copy(bytes: Uint8Array): void
  /** A varint of its length, and its UTF-8. */
  string(text: string): void
  varint(value: number): void
  uint8(value: number): void
  uint32(value: number): void
  /** Of a whole number below 2^53. */
  uint64(value: number): void
  float64(value: number): void
  list<T>(values: readonly T[], write: (value: T) => void): void
  map(entries: readonly (readonly [string, string])[]): void
  take(): Uint8Array<ArrayBuffer>
}

const TWO_32 = 2 ** 32
const encoder = new TextEncoder()

export function createBytes(first = 4096): Bytes {
  const view = new DataView(new ArrayBuffer(8))
  const eight = new Uint8Array(view.buffer)
  const bytes: Bytes = {
    data: new Uint8Array(first),
    at: 0,
    reserve(more) {
      if (bytes.at + more <= bytes.data.length) return
      const larger = new Uint8Array(Math.max(bytes.at + more, 2 * bytes.data.length))
      larger.set(bytes.data.subarray(0, bytes.at))
      bytes.data = larger
    },
    copy(more) {
      bytes.reserve(more.length)
      bytes.data.set(more, bytes.at)
      bytes.at += more.length
    },
    string(text) {
      const utf8 = encoder.encode(text)
      bytes.varint(utf8.length)
      bytes.copy(utf8)
    },
    varint(value) {
      bytes.reserve(8)
      let left = value
      for (; left >= 0x80; left = Math.floor(left / 0x80)) bytes.data[bytes.at++] = (left % 0x80) | 0x80
      bytes.data[bytes.at++] = left
    },
    uint8(value) {
      bytes.reserve(1)
      bytes.data[bytes.at++] = value
    },
    uint32(value) {
      bytes.reserve(4)
      put32(bytes.data, bytes.at, value)
      bytes.at += 4
    },
    uint64(value) {
      bytes.reserve(8)
      put64(bytes.data, bytes.at, value)
      bytes.at += 8
    },
    float64(value) {
      view.setFloat64(0, value, true)
      bytes.copy(eight)
    },
    list(values, write) {
      bytes.varint(values.length)
      for (const value of values) write(value)
    },
    map(entries) {
      bytes.list(entries, ([key, value]) => {
        bytes.string(key)
        bytes.string(value)
      })
    },
    take() {
      const taken = bytes.data.slice(0, bytes.at)
      bytes.at = 0
      return taken
    },
  }
  return bytes
}

export function put32(data: Uint8Array, at: number, value: number): void {
  data[at] = value
  data[at + 1] = value >>> 8
  data[at + 2] = value >>> 16
  data[at + 3] = value >>> 24
}

export function put64(data: Uint8Array, at: number, value: number): void {
  put32(data, at, value % TWO_32)
  put32(data, at + 4, Math.floor(value / TWO_32))
}

/** Microseconds as nanoseconds, which a double does not hold: 1000 times each half. */
export function putNano(data: Uint8Array, at: number, us: number): void {
  const low = (us % TWO_32) * 1000
  put32(data, at, low % TWO_32)
  put32(data, at + 4, Math.floor(us / TWO_32) * 1000 + Math.floor(low / TWO_32))
}

const DIGITS = Uint8Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0))

/** Eight lowercase digits. */
export function putHex(data: Uint8Array, at: number, word: number): void {
  for (let digit = 0; digit < 8; digit++)
    data[at + digit] = DIGITS[(word >>> (28 - 4 * digit)) & 15] as number
}

/** Of text that is known to be ASCII. */
export function putAscii(data: Uint8Array, at: number, text: string): void {
  for (let next = 0; next < text.length; next++) data[at + next] = text.charCodeAt(next)
}

/** Times are fixed64, nanoseconds since the epoch, read where they stand; `at` is -1 where there is none. */

/** Days since the epoch of a time in nanoseconds: exact, for a day is 1318359375 times 2^16 of them. */
export const dayOfTime = (bytes: Uint8Array, at: number): number =>
  Math.floor((uint32(bytes, at, 4) * 0x10000 + (uint32(bytes, at, 0) >>> 16)) / 1_318_359_375)

/** DateTime64(9) holds signed 64-bit nanoseconds: until April 2262, where the highest bit begins. */
export const isTimeLate = (bytes: Uint8Array, at: number): boolean => uint32(bytes, at, 4) >= 2 ** 31

export const isZeroTime = (bytes: Uint8Array, at: number): boolean =>
  uint32(bytes, at, 0) === 0 && uint32(bytes, at, 4) === 0

/** The last moment that a DateTime can hold, in February 2106. */
const MAX_SECONDS = 2 ** 32 - 1

/** Nanoseconds as whole seconds, for a DateTime: a billion is 1953125 times 2^9. */
export function secondsAt(bytes: Uint8Array, at: number): number {
  const seconds = (uint32(bytes, at, 4) * 2 ** 23 + (uint32(bytes, at, 0) >>> 9)) / 1_953_125
  return Math.min(Math.floor(seconds), MAX_SECONDS)
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

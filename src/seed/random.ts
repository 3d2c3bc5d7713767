import { createHash } from 'node:crypto'

/** Numbers that look drawn and are not: the same key gives the same ones, on every machine. */
export interface Random {
  /** 0 … 2^32 − 1. */
  u32(): number
  /** 0 up to, not including, 1. */
  real(): number
  /** A whole number, `from` up to, not including, `to`. */
  between(from: number, to: number): number
  chance(probability: number): boolean
  pick<T>(from: readonly T[]): T
  /** By weight; `weights` stand where their items stand. */
  weighted<T>(from: readonly T[], weights: readonly number[]): T
  /** As response times are spread: half of them are below the median, a few far above. */
  around(median: number, spread?: number): number
}

/** Whatever has a key of its own has a stream of its own: what one draws changes nothing for another. */
export function createRandom(...key: readonly (string | number)[]): Random {
  const words = createHash('sha256').update(JSON.stringify(key)).digest()
  let a = words.readUInt32LE(0)
  let b = words.readUInt32LE(4)
  let c = words.readUInt32LE(8)
  let counter = words.readUInt32LE(12)

  /** Chris Doty-Humphrey's sfc32: quick, and good enough for anything but keys. */
  function u32(): number {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return sum >>> 0
  }
  const real = (): number => u32() / 2 ** 32
  const between = (from: number, to: number): number => from + Math.floor(real() * (to - from))

  return {
    u32,
    real,
    between,
    chance: (probability) => real() < probability,
    pick: (from) => at(from, between(0, from.length)),
    weighted(from, weights) {
      let left = real() * weights.reduce((sum, weight) => sum + weight, 0)
      const index = weights.findIndex((weight) => {
        left -= weight
        return left < 0
      })
      return at(from, index === -1 ? from.length - 1 : index)
    },
    around(median, spread = 0.6) {
      // Irwin–Hall: three uniform numbers are nearly enough a normal one.
      const normal = (real() + real() + real() - 1.5) * 2
      return median * Math.exp(normal * spread)
    },
  }
}

function at<T>(from: readonly T[], index: number): T {
  if (from.length === 0) throw new RangeError('there is nothing to pick from')
  return from[index] as T
}

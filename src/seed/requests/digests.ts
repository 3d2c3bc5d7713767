import type { Digest } from '#contract'
import type { Random } from '../random.ts'
import { hexOf } from '../spans/span.ts'

/** Of something that nobody seeded: a card, a token, the words of a reason. */
export const digestOf = (random: Random): Digest => `sha-256:${hexOf(Array.from({ length: 8 }, random.u32))}`

/** 128 bits in base64url: a salt, a nonce. */
export const secretOf = (random: Random): string => {
  const words = Buffer.alloc(16)
  for (let word = 0; word < 4; word++) words.writeUInt32LE(random.u32(), 4 * word)
  return words.toString('base64url')
}

const BASE_32 = 'abcdefghijklmnopqrstuvwxyz234567'

/** As the broker makes it: the epoch, and 128 bits. */
export const requestIdOf = (random: Random): string =>
  `1-${Array.from({ length: 26 }, () => BASE_32[random.between(0, 32)]).join('')}`

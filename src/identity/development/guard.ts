import { createHash, createHmac, timingSafeEqual } from 'node:crypto'

export type Guess = 'right' | 'wrong' | 'wait'

/** Knows the passphrase, and the browsers that have given it. */
export interface Guard {
  /** `wait` after too many wrong ones: then even the right one is not looked at. */
  guess(passphrase: string): Guess
  /** What a browser that gave the passphrase keeps; another passphrase makes it worthless. */
  mark(): string
  isMarked(mark: string): boolean
}

const WRONG_GUESSES = 5
const PAUSE_MS = 30_000

/** `key` signs the marks. The passphrase is read each time: who changes the file locks everybody out. */
export function createGuard(
  { key, readPassphrase }: { key: string; readPassphrase: () => string },
  { now }: { now: () => number },
): Guard {
  let wrong = 0
  let closedUntilMs = 0
  const mark = (): string =>
    createHmac('sha256', key).update(`browser ${readPassphrase()}`).digest('base64url')

  return {
    mark,
    isMarked: (given) => isEqual(given, mark()),
    guess(given) {
      if (now() < closedUntilMs) return 'wait'
      const expected = readPassphrase()
      if (expected !== '' && isEqual(given.trim(), expected)) {
        wrong = 0
        return 'right'
      }
      wrong += 1
      if (wrong % WRONG_GUESSES === 0) closedUntilMs = now() + PAUSE_MS
      return 'wrong'
    },
  }
}

/** In constant time whatever the lengths. */
function isEqual(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(expected))
}

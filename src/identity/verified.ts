import { hash } from 'node:crypto'
import type { Person } from './person.ts'

/** A key that its issuer has withdrawn goes on counting for so long, and no longer. */
const LONGEST_MS = 60_000
/** More people than review within that. One with ten thousand groups takes a megabyte, and so it is not ten thousand. */
const MOST = 1_000

/**
 * Tokens that were verified a moment ago, by their digests: whoever opens a list, a card and answers it shows the same
 * one three times. Only what was good is remembered, and never beyond its end.
 */
export interface Verified {
  find(token: string, nowMs: number): Person | undefined
  keep(token: string, person: Person, nowMs: number, expiresAtMs: number): void
}

export function createVerified(): Verified {
  const known = new Map<string, { person: Person; fromMs: number; untilMs: number }>()
  const keyOf = (token: string): string => hash('sha256', token, 'base64')

  return {
    find(token, nowMs) {
      const key = keyOf(token)
      const found = known.get(key)
      if (!found) return undefined
      // A clock that was put back is asked again, too: the token may not have been issued then.
      if (nowMs >= found.fromMs && nowMs < found.untilMs) return copyOf(found.person)
      known.delete(key)
      return undefined
    },
    keep(token, person, nowMs, expiresAtMs) {
      if (known.size >= MOST) known.delete(known.keys().next().value as string)
      const untilMs = Math.min(expiresAtMs, nowMs + LONGEST_MS)
      known.set(keyOf(token), { person: copyOf(person), fromMs: nowMs, untilMs })
    },
  }
}

/** Nobody who is told who somebody is changes who that is for others. */
const copyOf = (person: Person): Person => ({ ...person, groups: [...person.groups] })

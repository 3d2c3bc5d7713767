import { type Directory, HoldpointError, type Principal, samePrincipal } from '#contract'
import { principalKey } from './specifier.ts'

/** Which accounts are one human's. Compare people by this, never by (iss, sub), where duties are to be separated. */
export interface People {
  /** The same text for all accounts of one person, and no text for two people. Not to be stored: directories change. */
  keyOf(account: Principal): string
  same(one: Principal, other: Principal): boolean
  /** Service accounts and bots that the directory names. */
  isService(account: Principal): boolean
}

/**
 * Without a directory every account is a person of its own. Throws INVALID_INPUT for an account that stands under two
 * people: whichever we took, somebody would be two.
 */
export function createPeople(directory?: Pick<Directory, 'people' | 'services'>): People {
  const idOf = createByAccount<string>()
  for (const [person, { id, accounts }] of (directory?.people ?? []).entries())
    for (const [index, account] of accounts.entries()) {
      const other = idOf.get(account)
      if (other !== undefined && other !== id)
        throw new HoldpointError(
          'INVALID_INPUT',
          `directory: people.${person}.accounts.${index}: ${account.sub} of ${account.iss} under ${id}, expected an account of one person; it is ${other}'s`,
        )
      idOf.set(account, id)
    }
  const services = createByAccount<true>()
  for (const account of directory?.services ?? []) services.set(account, true)

  return {
    keyOf(account) {
      const id = idOf.get(account)
      // A list of one is no account's key: an id cannot be made to look like somebody's account.
      return id === undefined ? principalKey(account) : JSON.stringify([id])
    },
    same(one, other) {
      if (samePrincipal(one, other)) return true
      const id = idOf.get(one)
      return id !== undefined && id === idOf.get(other)
    },
    isService: (account) => services.get(account) ?? false,
  }
}

/** Two levels instead of one text for both: a list asks about every request that waits. */
function createByAccount<Value>() {
  const byIssuer = new Map<string, Map<string, Value>>()
  return {
    get: ({ iss, sub }: Principal): Value | undefined => byIssuer.get(iss)?.get(sub),
    set({ iss, sub }: Principal, value: Value): void {
      const bySubject = byIssuer.get(iss) ?? new Map<string, Value>()
      byIssuer.set(iss, bySubject.set(sub, value))
    },
  }
}

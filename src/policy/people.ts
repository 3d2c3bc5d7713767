import { type Directory, HoldpointError, type Principal } from '#contract'
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
  const personOf = new Map<string, string>()
  for (const [person, { id, accounts }] of (directory?.people ?? []).entries())
    for (const [index, account] of accounts.entries()) {
      const key = principalKey(account)
      const other = personOf.get(key)
      if (other !== undefined && other !== id)
        throw new HoldpointError(
          'INVALID_INPUT',
          `directory: people.${person}.accounts.${index}: ${account.sub} of ${account.iss} under ${id}, expected an account of one person; it is ${other}'s`,
        )
      personOf.set(key, id)
    }
  const services = new Set(directory?.services.map(principalKey))

  function keyOf(account: Principal): string {
    const key = principalKey(account)
    const person = personOf.get(key)
    // A list of one is no account's key: an id cannot be made to look like somebody's account.
    return person === undefined ? key : JSON.stringify([person])
  }

  return {
    keyOf,
    same: (one, other) => keyOf(one) === keyOf(other),
    isService: (account) => services.has(principalKey(account)),
  }
}

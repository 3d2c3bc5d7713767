import type { Directory, Principal } from '#contract'
import { untrusted } from './jws.ts'

/**
 * One account is one person's, and a service's is nobody's. Throws UNTRUSTED: a directory that says two things of an
 * account would let whoever reads it choose, and somebody would be two people.
 */
export function checkAccounts({ people, services }: Pick<Directory, 'people' | 'services'>): void {
  const whose = new Map<string, string>()
  const take = (account: Principal, owner: string, at: string): void => {
    const key = JSON.stringify([account.iss, account.sub])
    const other = whose.get(key)
    if (other !== undefined)
      throw untrusted(`directory: ${at} is ${account.iss}#${account.sub}, which is ${other}'s already`)
    whose.set(key, owner)
  }
  const ids = new Set<string>()
  for (const [index, { id, accounts }] of people.entries()) {
    if (ids.has(id))
      throw untrusted(`directory: people.${index} is ${JSON.stringify(id)}, who is there twice`)
    ids.add(id)
    for (const [place, account] of accounts.entries())
      take(account, JSON.stringify(id), `people.${index}.accounts.${place}`)
  }
  for (const [index, account] of services.entries()) take(account, 'a service', `services.${index}`)
}

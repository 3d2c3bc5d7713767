import type { Approvals, Principal } from '#contract'
import type { Policy } from './policy.ts'
import { parseSpecifier } from './specifier.ts'

/** Both parts count: another issuer's group of the same name is another group. */
export function belongsTo(
  { groups }: Pick<Policy, 'groups'>,
  person: Principal & { groups: string[] },
  group: string,
): boolean {
  // The name may come from a request of an earlier policy, and `constructor` is no group.
  const specifiers = Object.hasOwn(groups, group) ? (groups[group] ?? []) : []
  const own = `oidc:${person.iss}#sub/${person.sub}`
  return specifiers.some((text) => {
    // Only a few are ever taken apart: a list asks this of every request that waits.
    if (text !== own && !person.groups.includes(text)) return false
    const specifier = parseSpecifier(text)
    if (specifier === undefined || specifier.iss !== person.iss) return false
    return 'sub' in specifier ? specifier.sub === person.sub : person.groups.includes(text)
  })
}

/** Whom escalation has let in once a request has waited for so long. */
export const escalatedTo = ({ escalate = [] }: Pick<Approvals, 'escalate'>, waitedMs: number): string[] =>
  escalate.flatMap(({ afterMs, to }) => (waitedMs >= afterMs ? to : []))

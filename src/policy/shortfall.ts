import { type ApprovalPart, type Approvals, createAssignment, type Principal } from '#contract'
import type { Policy } from './policy.ts'
import { parseSpecifier, principalKey } from './specifier.ts'

export interface Counting {
  /** Without escalation: those who may answer from the start. */
  fromTheStart?: boolean
  /** What makes two subjects one person; every subject is a person where absent. */
  keyOf?: (account: Principal) => string
  /** The key of somebody who may not approve. */
  without?: string
}

/**
 * Of a threshold that cannot be reached, how many people it needs and how many of those there can be. Only subjects
 * can be counted: a part that a provider's group answers for is taken to be filled.
 */
export function shortfall(
  { groups }: Pick<Policy, 'groups'>,
  approvals: Approvals,
  { fromTheStart = false, keyOf = principalKey, without }: Counting = {},
): { needed: number; possible: number } | undefined {
  const escalated = fromTheStart ? [] : (approvals.escalate ?? []).flatMap(({ to }) => to)
  const counted = (approvals.all ?? [approvals as ApprovalPart]).flatMap(({ from, threshold }) => {
    const people = subjectsOf({ groups }, [...from, ...escalated], keyOf)
    return people === undefined ? [] : [{ threshold, people }]
  })
  const needed = counted.reduce((sum, { threshold }) => sum + threshold, 0)
  const assignment = createAssignment<string>(counted.map(({ threshold }) => threshold))
  for (const person of new Set(counted.flatMap(({ people }) => [...people])))
    if (person !== without)
      assignment.add(
        person,
        counted.flatMap(({ people }, part) => (people.has(person) ? [part] : [])),
      )
  const possible = assignment.filled().length
  return possible < needed ? { needed, possible } : undefined
}

/** Everybody in these groups; undefined where a provider's group is among them, or a group that is not there. */
export function subjectsOf(
  { groups }: Pick<Policy, 'groups'>,
  names: readonly string[],
  keyOf: (account: Principal) => string = principalKey,
): Set<string> | undefined {
  const people = new Set<string>()
  for (const name of names) {
    if (!Object.hasOwn(groups, name)) return undefined
    for (const text of groups[name] ?? []) {
      const specifier = parseSpecifier(text)
      if (specifier === undefined || !('sub' in specifier)) return undefined
      people.add(keyOf(specifier))
    }
  }
  return people
}

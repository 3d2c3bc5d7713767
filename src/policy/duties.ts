import { atLeast } from '#contract'
import type { CompiledPolicy } from './compile.ts'
import { belongsTo } from './groups.ts'
import type { People } from './people.ts'
import type { Terms } from './policy.ts'
import type { Reviewer } from './review.ts'

/** Who may do what is no answer to a request. */
export interface Duties {
  /** Groups whose members stop agents, and end that. */
  freeze: string[]
  /** Groups whose members erase what a request was about. */
  erase: string[]
  /** On what terms a change of this policy is released. */
  policy: Terms
}

export type MayDo = { ok: true } | { ok: false; code: 'NOT_PERMITTED' | 'ASSURANCE_TOO_LOW'; reason: string }

const DOES = { freeze: 'freeze an agent or end that', erase: 'erase what a request was about' } as const

/** Whether somebody has a duty. A person does it, signed in by themselves: what a chat says of them is not enough. */
export function mayDo(
  { groups, duties }: Pick<CompiledPolicy, 'groups' | 'duties'>,
  people: People,
  person: Reviewer,
  duty: 'freeze' | 'erase',
): MayDo {
  const having = duties[duty]
  if (person.service !== false || people.isService(person))
    return { ok: false, code: 'NOT_PERMITTED', reason: `Service accounts and bots do not ${DOES[duty]}.` }
  if (!having.some((group) => belongsTo({ groups }, person, group)))
    return {
      ok: false,
      code: 'NOT_PERMITTED',
      reason: `Only members of ${having.join(', ') || 'no group'} may ${DOES[duty]}.`,
    }
  if (!atLeast(person.assurance, 'login'))
    return {
      ok: false,
      code: 'ASSURANCE_TOO_LOW',
      reason: `It takes a sign-in of at least login to ${DOES[duty]}; this one is ${person.assurance}.`,
    }
  return { ok: true }
}

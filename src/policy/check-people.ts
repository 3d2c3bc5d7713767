import { type Approvals, type Assurance, atLeast, type Path } from '#contract'
import type { Finding } from './check.ts'
import type { People } from './people.ts'
import type { Policy } from './policy.ts'
import { shortfall, subjectsOf } from './shortfall.ts'

/** What a policy asks of people, and whether there can be such people. */
export const checkPeople = (policy: Policy, people: People): Finding[] => [
  ...asked(policy).flatMap((one) => [
    ...assuranceOutOfReach(policy, one),
    ...tooFew(policy, people, one),
    ...denialsOutOfReach(policy, people, one),
    ...uselessEscalations(policy, one),
  ]),
  ...duties(policy, people),
  ...unusedGroups(policy),
]

/** Somewhere in the document where people are asked. */
interface Asked {
  approvals: Approvals
  path: Path
  rule?: string
}

/** Where a rule or a duty asks for the very same, it is said of the defaults alone. */
function asked({ defaults, duties, rules }: Policy): Asked[] {
  const differs = (approvals: Approvals): boolean =>
    JSON.stringify(approvals) !== JSON.stringify(defaults.approvals)
  return [
    { approvals: defaults.approvals, path: ['defaults', 'approvals'] },
    ...[{ approvals: duties.policy.approvals, path: ['duties', 'policy'] }].filter((one) =>
      differs(one.approvals),
    ),
    ...rules.flatMap(({ id, effect, approvals }, index) =>
      effect === 'hold' && differs(approvals)
        ? [{ approvals, path: ['rules', index, 'approvals'], rule: id }]
        : [],
    ),
  ].filter((one) => one.approvals.from.length > 0)
}

const warning = (
  { place }: Policy,
  path: Path,
  code: Finding['code'],
  message: string,
  rule?: string,
): Finding => ({ ...place(path), level: 'warning', code, ...(rule === undefined ? {} : { rule }), message })

/** What a sign-in gives today. A rule that asks for more holds what nobody can answer. */
const REACHED: Assurance = 'login'

function assuranceOutOfReach(policy: Policy, { approvals: { assurance }, path, rule }: Asked): Finding[] {
  const isInherited = path[0] !== 'defaults' && assurance === policy.defaults.approvals.assurance
  if (isInherited || atLeast(REACHED, assurance)) return []
  const message = `No sign-in reaches ${assurance} in this version: what is held here can only expire.`
  return [warning(policy, [...path, 'assurance'], 'ASSURANCE_OUT_OF_REACH', message, rule)]
}

function tooFew(policy: Policy, { keyOf }: People, { approvals, path, rule }: Asked): Finding[] {
  const ever = shortfall(policy, approvals, { keyOf })
  if (ever !== undefined)
    return [
      warning(
        policy,
        path,
        'OUT_OF_REACH',
        `The directory knows some of these accounts for one person's: ${ever.needed} people have to approve, and there are ${ever.possible}. What is held here can only expire.`,
        rule,
      ),
    ]
  const atFirst = shortfall(policy, approvals, { keyOf, fromTheStart: true })
  if (atFirst === undefined) return []
  const message = `Until it escalates nobody can release it: ${atFirst.needed} people have to approve, and there are ${atFirst.possible}.`
  return [warning(policy, path, 'ONLY_BY_ESCALATION', message, rule)]
}

function denialsOutOfReach(policy: Policy, people: People, { approvals, path, rule }: Asked): Finding[] {
  const { from, denials = 1, escalate = [] } = approvals
  const answering = subjectsOf(policy, [...from, ...escalate.flatMap(({ to }) => to)], people.keyOf)
  if (from.length === 0 || answering === undefined || answering.size >= denials) return []
  const message = `Nobody can deny it: that takes ${denials} people, and only ${answering.size} may answer.`
  return [warning(policy, [...path, 'denials'], 'DENIALS_OUT_OF_REACH', message, rule)]
}

function uselessEscalations(policy: Policy, { approvals, path, rule }: Asked): Finding[] {
  const parts = approvals.all ?? [approvals]
  const steps = [...(approvals.escalate ?? []).entries()]
  const letInBefore = (group: string, afterMs: number, step: number): boolean =>
    parts.every(({ from }) => from.includes(group)) ||
    steps.some(
      ([index, other]) =>
        other.to.includes(group) && (other.afterMs < afterMs || (other.afterMs === afterMs && index < step)),
    )
  return steps.flatMap(([step, { afterMs, to }]) =>
    to.flatMap((group, nth) => {
      if (!letInBefore(group, afterMs, step)) return []
      const at: Path = [...path.slice(0, -1), 'escalate', step, 'to', nth]
      const message = `The group ${group} may answer before that already: this lets in nobody.`
      return [warning(policy, at, 'USELESS_ESCALATION', message, rule)]
    }),
  )
}

function duties(policy: Policy, { keyOf }: People): Finding[] {
  const { freeze, erase, policy: change } = policy.duties
  const found: Finding[] = []
  const nobody = Object.entries({ freeze, erase, policy: change.approvals.from })
    .filter(([, groups]) => groups.length === 0)
    .map(([duty]) => duty)
  if (nobody.length > 0)
    found.push(
      warning(
        policy,
        ['duties'],
        'NOBODY_ON_DUTY',
        `No group has the duty ${nobody.join(', ')}: neither here nor in defaults.approvals is one named.`,
      ),
    )
  if (subjectsOf(policy, freeze, keyOf)?.size === 1)
    found.push(
      warning(
        policy,
        ['duties', 'freeze'],
        'NOBODY_TO_THAW',
        'Only one person may freeze an agent, and it takes another to end that.',
      ),
    )
  const needed = [...(subjectsOf(policy, change.approvals.from, keyOf) ?? [])].filter(
    (person) => shortfall(policy, change.approvals, { keyOf, without: person }) !== undefined,
  )
  if (needed.length > 0)
    found.push({
      ...policy.place(['duties', 'policy']),
      level: 'note',
      code: 'PROPOSER_IS_NEEDED',
      message: `${needed.length === 1 ? 'One person' : `${needed.length} people`} can propose no change of the policy: nobody releases their own, and without them there are too few.`,
    })
  return found
}

function unusedGroups(policy: Policy): Finding[] {
  const { groups, defaults, duties, rules, place } = policy
  const used = new Set([
    ...[defaults, duties.policy, ...rules].flatMap(({ approvals: { from, escalate = [] } }) => [
      ...from,
      ...escalate.flatMap(({ to }) => to),
    ]),
    ...duties.freeze,
    ...duties.erase,
  ])
  return Object.keys(groups)
    .filter((name) => !used.has(name))
    .map((name) => ({
      ...place(['groups', name]),
      level: 'note',
      code: 'UNUSED_GROUP',
      message: `The group ${name} is named nowhere.`,
    }))
}

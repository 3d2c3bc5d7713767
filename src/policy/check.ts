import { type Approvals, type Assurance, atLeast, type Path } from '#contract'
import { covers } from './pattern.ts'
import { DIMENSIONS, type Match, type Place, type Policy, type Rule } from './policy.ts'

/** Something in a valid policy that its author should know. */
export interface Finding extends Place {
  level: 'warning' | 'note'
  code:
    | 'OBSERVED'
    | 'ALLOWED_BY_DEFAULT'
    | 'ALLOWS_EVERYTHING'
    | 'NEVER_MATCHES'
    | 'UNUSED_GROUP'
    | 'ASSURANCE_OUT_OF_REACH'
  rule?: string
  message: string
}

/** Every finding is certain; that nothing is found does not prove that every rule can match. */
export const checkPolicy = (policy: Policy): Finding[] => [
  ...observed(policy),
  ...allowedByDefault(policy),
  ...allowsEverything(policy),
  ...neverMatches(policy),
  ...unusedGroups(policy),
  ...outOfReach(policy),
]

/** What a sign-in gives today. A rule that asks for more holds what nobody can answer. */
const REACHED: Assurance = 'login'

function outOfReach({ defaults, rules, place }: Policy): Finding[] {
  const finding = (path: Path, { assurance }: Approvals, rule?: string): Finding[] =>
    atLeast(REACHED, assurance)
      ? []
      : [
          {
            ...place(path),
            level: 'warning',
            code: 'ASSURANCE_OUT_OF_REACH',
            ...(rule === undefined ? {} : { rule }),
            message: `No sign-in reaches ${assurance} in this version: what is held here can only expire.`,
          },
        ]
  return [
    ...finding(['defaults', 'approvals', 'assurance'], defaults.approvals),
    ...rules.flatMap(({ id, effect, approvals }, index) =>
      effect === 'hold' && approvals.assurance !== defaults.approvals.assurance
        ? finding(['rules', index, 'approvals', 'assurance'], approvals, id)
        : [],
    ),
  ]
}

function observed({ mode, place }: Policy): Finding[] {
  const says = (where: string): string =>
    `OBSERVE MODE: nothing is held or denied ${where}. Every action runs; rulings are only recorded.`
  const named = [...mode.byEnvironment]
  const enforced = named.filter(([, one]) => one === 'enforce').map(([name]) => name)
  const except = enforced.length > 0 ? `anywhere but in ${enforced.join(', ')}` : 'anywhere'
  const general: Finding[] =
    mode.default === 'observe'
      ? [{ ...place(['mode']), level: 'warning', code: 'OBSERVED', message: says(except) }]
      : []
  return [
    ...general,
    ...(mode.default === 'observe' ? [] : named)
      .filter(([, one]) => one === 'observe')
      .map(([name]): Finding => {
        const at = place(['mode', name])
        return { ...at, level: 'warning', code: 'OBSERVED', message: says(`in ${name}`) }
      }),
  ]
}

function allowedByDefault({ defaults, place }: Policy): Finding[] {
  const code = 'ALLOWED_BY_DEFAULT'
  const kinds = [...defaults.kinds].filter(([, effect]) => effect === 'allow')
  return [
    ...(defaults.effect === 'allow'
      ? [
          {
            ...place(['defaults', 'effect']),
            level: 'warning' as const,
            code: code as typeof code,
            message: 'Whatever no rule matches is allowed: an action that nobody thought of runs unseen.',
          },
        ]
      : []),
    ...kinds.map(
      ([kind]): Finding => ({
        ...place(['defaults', 'kinds', kind]),
        level: 'note',
        code,
        message: `Every action of the kind ${kind} that no rule matches is allowed.`,
      }),
    ),
  ]
}

const allowsEverything = ({ rules, place }: Policy): Finding[] =>
  rules.flatMap((rule, index): Finding[] =>
    rule.effect === 'allow' && rule.when === undefined && matchesAnyAction(rule.match)
      ? [
          {
            ...place(['rules', index]),
            level: 'warning',
            code: 'ALLOWS_EVERYTHING',
            rule: rule.id,
            message: `The rule ${rule.id} allows every action that gets as far as this rule.`,
          },
        ]
      : [],
  )

const matchesAnyAction = ({ kind, name, target }: Match): boolean =>
  target === undefined && [kind, name].every((patterns) => patterns?.includes('*') ?? true)

const neverMatches = ({ rules, place }: Policy): Finding[] =>
  rules.flatMap((rule, index): Finding[] => {
    const earlier = rules.slice(0, index).find((other) => other.when === undefined && coversRule(other, rule))
    return earlier === undefined
      ? []
      : [
          {
            ...place(['rules', index]),
            level: 'warning',
            code: 'NEVER_MATCHES',
            rule: rule.id,
            message: `The rule ${rule.id} can never match: ${earlier.id}, above it, matches everything that it does.`,
          },
        ]
  })

const coversRule = (outer: Rule, inner: Rule): boolean =>
  DIMENSIONS.every((dimension) => {
    const patterns = outer.match[dimension]
    if (patterns === undefined) return true
    const within = inner.match[dimension]
    // `*` does not match an absent target.
    if (within === undefined) return dimension !== 'target' && patterns.includes('*')
    return within.every((pattern) => patterns.some((one) => covers(one, pattern)))
  })

function unusedGroups({ groups, defaults, duties, rules, place }: Policy): Finding[] {
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
    .map(
      (name): Finding => ({
        ...place(['groups', name]),
        level: 'note',
        code: 'UNUSED_GROUP',
        message: `The group ${name} is named nowhere.`,
      }),
    )
}

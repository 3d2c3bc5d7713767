import { checkPeople } from './check-people.ts'
import { compilePattern, covers } from './pattern.ts'
import { createPeople, type People } from './people.ts'
import { DIMENSIONS, type Match, type Place, type Policy, type Rule } from './policy.ts'

/** Something in a valid policy that its author should know. */
export interface Finding extends Place {
  level: 'warning' | 'note'
  code:
    | 'OBSERVED'
    | 'ALLOWED_BY_DEFAULT'
    | 'ALLOWS_EVERYTHING'
    | 'NEVER_MATCHES'
    | 'UNKNOWN_KIND'
    | 'UNUSED_GROUP'
    | 'ASSURANCE_OUT_OF_REACH'
    | 'OUT_OF_REACH'
    | 'ONLY_BY_ESCALATION'
    | 'USELESS_ESCALATION'
    | 'DENIALS_OUT_OF_REACH'
    | 'NOBODY_ON_DUTY'
    | 'NOBODY_TO_THAW'
    | 'PROPOSER_IS_NEEDED'
  rule?: string
  message: string
}

/**
 * Every finding is certain; that nothing is found does not prove that every rule can match. With the people of a
 * directory, accounts of one person are counted as one.
 */
export const checkPolicy = (policy: Policy, people: People = createPeople()): Finding[] => [
  ...observed(policy),
  ...allowedByDefault(policy),
  ...allowsEverything(policy),
  ...neverMatches(policy),
  ...unknownKinds(policy),
  ...checkPeople(policy, people),
]

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

/** Those that the enforcement points of this version say. Kinds are open: another one may be somebody's own. */
const KINDS = ['tool', 'mcp', 'db', 'http', 'process', 'file', 'aws', 'k8s']

function unknownKinds({ defaults, rules, place }: Policy): Finding[] {
  const known = (pattern: string): boolean => KINDS.some(compilePattern(pattern))
  const says = (pattern: string): string =>
    `No enforcement point of this version says the kind ${pattern}; the known ones are ${KINDS.join(', ')}.`
  return [
    ...[...defaults.kinds.keys()]
      .filter((kind) => !known(kind))
      .map((kind): Finding => {
        const at = place(['defaults', 'kinds', kind])
        return { ...at, level: 'warning', code: 'UNKNOWN_KIND', message: says(kind) }
      }),
    ...rules.flatMap(({ id, match: { kind = [] } }, index) =>
      kind.flatMap((pattern, nth): Finding[] => {
        const at = place(['rules', index, 'match', 'kind', nth])
        return known(pattern)
          ? []
          : [{ ...at, level: 'warning', code: 'UNKNOWN_KIND', rule: id, message: says(pattern) }]
      }),
    ),
  ]
}

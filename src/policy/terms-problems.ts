import type { Path, Problem } from '#contract'
import type { GivenApprovals, PolicyDocumentValue } from './document.ts'
import type { Policy, Terms } from './policy.ts'
import { shortfall } from './shortfall.ts'

/** What is wrong with who is to release things. */
export const termsProblems = (policy: Policy, document: PolicyDocumentValue): Problem[] => [
  ...partsAndWhole(document),
  ...unreleasable(policy, document),
  ...releasedByChat(document),
]

const releasedByChat = ({ duties }: PolicyDocumentValue): Problem[] =>
  duties?.policy?.assurance === 'chat'
    ? [
        {
          path: ['duties', 'policy', 'assurance'],
          found: '"chat"',
          expected: 'at least "login": a chat\'s word for somebody changes no policy',
        },
      ]
    : []

/** The largest threshold, and the longest list of groups, that a request can carry. */
const MAX_PEOPLE = 20
const MAX_GROUPS = 50

/** Either groups and a number of people, or parts that have both. */
function partsAndWhole(document: PolicyDocumentValue): Problem[] {
  const defaultsHaveParts = document.defaults?.approvals?.all !== undefined
  return givenApprovals(document).flatMap(({ given, path }): Problem[] => {
    const { from, threshold, all } = given
    if (all === undefined)
      return defaultsHaveParts && threshold !== undefined && from === undefined
        ? [
            {
              path: [...path, 'threshold'],
              found: String(threshold),
              expected: '`from` as well, or `all`: the defaults ask for parts, each with its own threshold',
            },
          ]
        : []
    const people = all.reduce((sum, part) => sum + (part.threshold ?? 1), 0)
    const groups = new Set(all.flatMap((part) => part.from)).size
    const instead = (key: 'from' | 'threshold', value: unknown): Problem[] =>
      value === undefined
        ? []
        : [
            {
              path: [...path, key],
              found: JSON.stringify(value),
              expected: `either \`all\` or \`from\` and \`threshold\`: each part of \`all\` has its own`,
            },
          ]
    const within = (found: number, most: number, what: string): Problem[] =>
      found <= most
        ? []
        : [
            {
              path: [...path, 'all'],
              found: `${found} ${what}`,
              expected: `at most ${most} ${what} in all parts`,
            },
          ]
    return [
      ...instead('from', from),
      ...instead('threshold', threshold),
      ...within(people, MAX_PEOPLE, 'people'),
      ...within(groups, MAX_GROUPS, 'groups'),
    ]
  })
}

/** A hold that nobody can ever release is a mistake, however safe. */
function unreleasable(policy: Policy, document: PolicyDocumentValue): Problem[] {
  const { defaults, duties, rules } = policy
  const byDefault = defaults.effect === 'hold' || [...defaults.kinds.values()].includes('hold')
  return [
    ...(byDefault || document.defaults?.approvals !== undefined
      ? releasable(
          policy,
          defaults,
          ['defaults', 'approvals'],
          byDefault ? 'the defaults hold' : 'they ask for approvals',
        )
      : []),
    ...(document.duties?.policy === undefined
      ? []
      : releasable(policy, duties.policy, ['duties', 'policy'], 'a change of the policy is held')),
    ...rules.flatMap((rule, index) => {
      const why =
        rule.effect === 'hold'
          ? 'this rule holds'
          : rule.when !== undefined
            ? 'a rule with `when` holds where it cannot be evaluated'
            : document.rules?.[index]?.approvals && 'this rule asks for approvals'
      return why ? releasable(policy, rule, ['rules', index, 'approvals'], why) : []
    }),
  ]
}

function releasable(policy: Policy, { approvals }: Terms, path: Path, why: string): Problem[] {
  if (approvals.from.length === 0)
    return [{ path: [...path, 'from'], found: 'missing', expected: `at least one group, because ${why}` }]
  const short = shortfall(policy, approvals)
  if (short === undefined) return []
  const { needed, possible } = short
  return [
    approvals.all === undefined
      ? {
          path: [...path, 'threshold'],
          found: String(needed),
          expected: `at most ${possible}, as many people as the groups have`,
        }
      : {
          path: [...path, 'all'],
          found: `parts for ${needed} people`,
          expected: `parts that the groups have people for: they have ${possible}, and each counts for one part`,
        },
  ]
}

/** Wherever the document says who approves. */
export function givenApprovals(document: PolicyDocumentValue): { given: GivenApprovals; path: Path }[] {
  return [
    { given: document.defaults?.approvals, path: ['defaults', 'approvals'] },
    { given: document.duties?.policy, path: ['duties', 'policy'] },
    ...(document.rules ?? []).map(({ approvals }, index) => ({
      given: approvals,
      path: ['rules', index, 'approvals'],
    })),
  ].flatMap(({ given, path }) => (given === undefined ? [] : [{ given, path }]))
}

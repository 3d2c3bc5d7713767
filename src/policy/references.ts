import type { Path, Problem } from '#contract'
import type { PolicyDocumentValue } from './document.ts'
import { DEFAULTS, type Policy, type Terms } from './policy.ts'
import { parseSpecifier, principalKey } from './specifier.ts'

/** What only shows when the parts of a document are held against each other. */
export function findContradictions(policy: Policy, document: PolicyDocumentValue): Problem[] {
  return [
    ...repeatedIds(policy),
    ...unknownGroups(policy, document),
    ...unreleasable(policy, document),
    ...lateEscalations(policy),
  ]
}

function repeatedIds({ rules }: Policy): Problem[] {
  const seen = new Set([DEFAULTS])
  return rules.flatMap(({ id }, index) => {
    const path = ['rules', index, 'id']
    if (id === DEFAULTS) return [problem(path, id, 'another id: defaults names the ruling that no rule made')]
    if (seen.has(id)) return [problem(path, id, 'an id that no other rule has')]
    seen.add(id)
    return []
  })
}

function unknownGroups({ groups }: Policy, document: PolicyDocumentValue): Problem[] {
  const known = Object.keys(groups)
  const expected =
    known.length === 0 ? 'a group (the document has none)' : `one of the groups ${known.join(', ')}`
  const check = (names: string[] | undefined, path: Path): Problem[] =>
    (names ?? []).flatMap((name, index) =>
      known.includes(name) ? [] : [problem([...path, index], name, expected)],
    )
  return [
    ...check(document.defaults?.approvals?.from, ['defaults', 'approvals', 'from']),
    ...(document.rules ?? []).flatMap((rule, index) => [
      ...check(rule.approvals?.from, ['rules', index, 'approvals', 'from']),
      ...(rule.escalate ?? []).flatMap(({ to }, step) => check(to, ['rules', index, 'escalate', step, 'to'])),
    ]),
  ]
}

/** A hold that nobody can ever release is a mistake, however safe. */
function unreleasable(policy: Policy, document: PolicyDocumentValue): Problem[] {
  const { defaults, rules } = policy
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

function releasable({ groups }: Policy, { approvals }: Terms, path: Path, why: string): Problem[] {
  const { from, threshold } = approvals
  if (from.length === 0)
    return [{ path: [...path, 'from'], found: 'missing', expected: `at least one group, because ${why}` }]
  if (!from.every((name) => Object.hasOwn(groups, name))) return []
  const specifiers = from.flatMap((name) => groups[name] ?? []).map(parseSpecifier)
  const people = new Set(specifiers.flatMap((one) => (one && 'sub' in one ? [principalKey(one)] : [])))
  const countable = specifiers.every((one) => one !== undefined && 'sub' in one)
  return countable && people.size < threshold
    ? [
        {
          path: [...path, 'threshold'],
          found: String(threshold),
          expected: `at most ${people.size}, as many people as the groups have`,
        },
      ]
    : []
}

const lateEscalations = ({ rules }: Policy): Problem[] =>
  rules.flatMap(({ approvals: { escalate = [] }, timeoutMs }, index) =>
    escalate.flatMap(({ afterMs }, step) =>
      afterMs < timeoutMs
        ? []
        : [
            {
              path: ['rules', index, 'escalate', step, 'after'],
              found: `${afterMs / 1000}s`,
              expected: `less than the timeout of ${timeoutMs / 1000}s`,
            },
          ],
    ),
  )

const problem = (path: Path, value: string, expected: string): Problem => ({
  path,
  expected,
  found: JSON.stringify(value),
})

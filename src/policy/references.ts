import type { Path, Problem } from '#contract'
import type { PolicyDocumentValue } from './document.ts'
import { DEFAULTS, POLICY_CHANGE, type Policy, RESERVED_KIND } from './policy.ts'
import { givenApprovals, termsProblems } from './terms-problems.ts'

/** What only shows when the parts of a document are held against each other. */
export function findContradictions(policy: Policy, document: PolicyDocumentValue): Problem[] {
  return [
    ...repeatedIds(policy),
    ...reservedKinds(document),
    ...unknownGroups(policy, document),
    ...termsProblems(policy, document),
    ...lateEscalations(policy),
  ]
}

const TAKEN = new Map([
  [DEFAULTS, 'the ruling that no rule made'],
  [POLICY_CHANGE, 'the ruling on a change of the policy'],
])

function repeatedIds({ rules }: Policy): Problem[] {
  const seen = new Set<string>()
  return rules.flatMap(({ id }, index) => {
    const path = ['rules', index, 'id']
    const taken = TAKEN.get(id)
    if (taken !== undefined) return [problem(path, id, `another id: ${id} names ${taken}`)]
    if (seen.has(id)) return [problem(path, id, 'an id that no other rule has')]
    seen.add(id)
    return []
  })
}

/** Whoever could write a rule for changes of the policy could let themselves write any other. */
function reservedKinds({ defaults, rules = [] }: PolicyDocumentValue): Problem[] {
  const expected = 'another kind: duties.policy says who releases a change of the policy'
  return [
    ...(Object.hasOwn(defaults?.kinds ?? {}, RESERVED_KIND)
      ? [problem(['defaults', 'kinds', RESERVED_KIND], RESERVED_KIND, expected)]
      : []),
    ...rules.flatMap(({ match: { kind = [] } }, index) =>
      kind.flatMap((pattern, nth) =>
        pattern === RESERVED_KIND ? [problem(['rules', index, 'match', 'kind', nth], pattern, expected)] : [],
      ),
    ),
  ]
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
    ...givenApprovals(document).flatMap(({ given, path }) => [
      ...check(given.from, [...path, 'from']),
      ...(given.all ?? []).flatMap(({ from }, part) => check(from, [...path, 'all', part, 'from'])),
    ]),
    ...check(document.duties?.freeze, ['duties', 'freeze']),
    ...check(document.duties?.erase, ['duties', 'erase']),
    ...(document.rules ?? []).flatMap((rule, index) =>
      (rule.escalate ?? []).flatMap(({ to }, step) => check(to, ['rules', index, 'escalate', step, 'to'])),
    ),
  ]
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

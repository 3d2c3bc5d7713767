import { describe, expect, test } from 'vitest'
import { policyOf, refusals } from './support.ts'

const VARIABLES = 'one of the variables action, environment, agent, onBehalfOf, facts'

const CONDITIONS: [string, string, string][] = [
  [
    'an unfinished one',
    `'action.arguments.amount <'`,
    '5:56: rules.0.when: "<", expected a CEL expression (found < but expecting end of input)',
  ],
  ['true of YAML', 'true', '5:31: rules.0.when: true, expected a text of 1 to 2000 characters'],
  [
    'a misspelt member',
    'action.argments.amount < 5',
    '5:31: rules.0.when: "action.argments", expected action.kind, action.name, action.target, action.arguments',
  ],
  ['an unknown variable', 'user.name == "ada"', `5:31: rules.0.when: "user", expected ${VARIABLES}`],
  [
    'an unknown variable in a loop',
    '"action.arguments.l.all(x, y > 1)"',
    `5:58: rules.0.when: "y", expected ${VARIABLES}`,
  ],
  [
    'an unknown function',
    'lower(action.name) == "ada"',
    '5:31: rules.0.when: "lower()", expected a function of CEL',
  ],
  [
    'a pattern that RE2 refuses',
    `'action.name.matches("(?=a)")'`,
    '5:52: rules.0.when: "(?=a)", expected a regular expression of RE2',
  ],
  [
    'a pattern that the agent writes',
    'action.name.matches(action.arguments.p)',
    '5:67: rules.0.when: a computed pattern, expected a pattern written in the policy',
  ],
  [
    'quadratic time',
    `'action.arguments.a.all(x, action.arguments.b.exists(y, x == y))'`,
    '5:74: rules.0.when: a loop within a loop, expected a loop over x or its members, or over a list written out',
  ],
  [
    'a protobuf message',
    `'google.protobuf.Struct{} == action'`,
    '5:32: rules.0.when: "google.protobuf.Struct", expected no message types',
  ],
]

describe('policy - refused with file, line and column:', () => {
  test.each(CONDITIONS)('a condition, %s', (_what, when, line) => {
    expect(refusals(policyOf(`{ id: a, match: {}, when: ${when}, effect: allow }`))).toEqual([
      `policy.yaml:${line}`,
    ])
  })

  test('a condition on several lines, at the very word', () => {
    const rule = [
      'id: a',
      'match: {}',
      'effect: allow',
      'when: |',
      '  action.kind == "tool" &&',
      '    acton.name == "x"',
    ]
    expect(refusals(policyOf(rule.join('\n    ')))).toEqual([
      `policy.yaml:10:9: rules.0.when: "acton", expected ${VARIABLES}`,
    ])
  })

  test('a condition, and everything else that is wrong, together', () => {
    const [first, second, ...others] = refusals(policyOf('{ id: a, match: {}, when: foo, effect: alow }'))
    expect(first).toContain('5:31: rules.0.when: "foo"')
    expect(second).toContain('5:44: rules.0.effect: "alow"')
    expect(others).toEqual([])
  })

  test('a condition nested beyond what can be followed', () => {
    const [line] = refusals(
      policyOf(`{ id: a, match: {}, when: "${'('.repeat(980)}true${')'.repeat(980)}", effect: deny }`),
    )
    expect(line).toMatch(/^policy\.yaml:5:32: rules\.0\.when: .*expected a CEL expression/)
  })
})

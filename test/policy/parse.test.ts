import { describe, expect, test } from 'vitest'
import { loadPolicy, parsePolicy } from '#policy'
import { policyOf, refusals, SRE } from './support.ts'

const MODES = '"enforce" or "observe"'
const DURATION = 'a duration such as 90s, 15m, 2h or 1d, at most 14d'
const SPECIFIER = 'oidc:<issuer>#group/<name> or oidc:<issuer>#sub/<subject>'
const POINTER = 'a JSON pointer below /arguments, such as /arguments/password'
const PLAIN = 'expected plain mappings, lists and values'
const doc = (...lines: string[]) => ['holdpoint: 1', ...lines, ''].join('\n')
const allowing = (...lines: string[]) => doc('defaults: { effect: allow }', ...lines)

/** What is wrong → the document → exactly the lines it is refused with. */
const REFUSED: [string, string, ...string[]][] = [
  ['an empty document', '', '1:1: the document: null, expected a mapping'],
  ['a list', '- a', '1:1: the document: a list of 1, expected a mapping'],
  ['another format version', 'holdpoint: 2\nmode: enforce', '1:12: holdpoint: 2, expected 1'],
  ['no format version', 'mode: enforce', '1:1: holdpoint: missing, expected 1'],
  [
    'an unknown key at the top',
    doc('efect: allow'),
    '2:1: efect: "efect", expected one of the keys holdpoint, mode, defaults, groups, rules, duties, quotas',
  ],
  [
    'the key __proto__',
    doc('__proto__: { effect: allow }'),
    '2:1: __proto__: "__proto__", expected one of the keys holdpoint, mode, defaults, groups, rules, duties, quotas',
  ],
  ['an unknown mode', doc('mode: enforced'), `2:7: mode: "enforced", expected ${MODES}`],
  ['a mode that YAML 1.1 would read as false', doc('mode: off'), `2:7: mode: "off", expected ${MODES}`],
  [
    'an unknown mode of one environment',
    doc('mode: { staging: off }'),
    `2:18: mode.staging: "off", expected ${MODES}`,
  ],
  [
    'a wrong value and a misspelt key, both',
    doc('defaults:', '  effect: permit', '  timout: 5m'),
    '3:11: defaults.effect: "permit", expected "allow" or "hold" or "deny"',
    '4:3: defaults.timout: "timout", expected one of the keys effect, kinds, approvals, timeout, validFor, rememberDenial',
  ],
  ['empty defaults', doc('defaults:'), '2:10: defaults: null, expected a mapping'],
  [
    'a duration without a unit',
    doc('defaults: { timeout: 15 }'),
    `2:22: defaults.timeout: 15, expected ${DURATION}`,
  ],
  [
    'no time at all',
    doc('defaults: { validFor: 0s }'),
    `2:23: defaults.validFor: "0s", expected ${DURATION}`,
  ],
  [
    'a negative time',
    doc('defaults: { validFor: -5m }'),
    `2:23: defaults.validFor: "-5m", expected ${DURATION}`,
  ],
  [
    'a time beyond what timers hold',
    doc('defaults: { timeout: 25d }'),
    `2:22: defaults.timeout: "25d", expected ${DURATION}`,
  ],
  [
    'a hold that nobody can release',
    'holdpoint: 1\n',
    '1:1: defaults.approvals.from: missing, expected at least one group, because the defaults hold',
  ],
  [
    'a hold of one kind that nobody can release',
    doc('defaults: { effect: allow, kinds: { db: hold } }'),
    '2:11: defaults.approvals.from: missing, expected at least one group, because the defaults hold',
  ],
  [
    'a threshold of nobody',
    doc('defaults: { effect: allow, approvals: { threshold: 2 } }'),
    '2:39: defaults.approvals.from: missing, expected at least one group, because they ask for approvals',
  ],
  [
    'a rule that holds, and nobody can release it',
    allowing('rules:', '  - { id: a, match: {}, effect: hold }'),
    '4:5: rules.0.approvals.from: missing, expected at least one group, because this rule holds',
  ],
  [
    'a rule that may hold, and nobody can release it',
    allowing('rules:', '  - { id: a, match: {}, when: "true", effect: allow }'),
    '4:5: rules.0.approvals.from: missing, expected at least one group, because a rule with `when` holds where it cannot be evaluated',
  ],
  [
    'a threshold of zero',
    doc('defaults: { approvals: { from: [sre], threshold: 0 } }'),
    '2:50: defaults.approvals.threshold: 0, expected a whole number from 1 to 20',
  ],
  [
    'a group that does not exist',
    doc('defaults: { approvals: { from: [ops] } }', `groups: { sre: ["${SRE}"] }`),
    '2:33: defaults.approvals.from.0: "ops", expected one of the groups sre',
  ],
  [
    'more people than the groups have',
    doc(
      'defaults: { approvals: { from: [me], threshold: 2 } }',
      'groups: { me: ["oidc:https://idp.example.com#sub/ada"] }',
    ),
    '2:49: defaults.approvals.threshold: 2, expected at most 1, as many people as the groups have',
  ],
  [
    'an e-mail address for a person',
    allowing('groups: { sre: [sre@example.com] }'),
    `3:17: groups.sre.0: "sre@example.com", expected ${SPECIFIER}`,
  ],
  [
    'an issuer with a query',
    allowing('groups: { sre: ["oidc:https://idp.example.com?x#group/sre"] }'),
    `3:17: groups.sre.0: "oidc:https://idp.example.com?x#group/sre", expected ${SPECIFIER}`,
  ],
  [
    'a group without a name',
    allowing('groups: { sre: ["oidc:https://idp.example.com#group/"] }'),
    `3:17: groups.sre.0: "oidc:https://idp.example.com#group/", expected ${SPECIFIER}`,
  ],
  [
    'an empty group',
    allowing('groups: { sre: [] }'),
    '3:16: groups.sre: a list of 0, expected a list of 1 to 500 entries',
  ],
  [
    'a group in capitals',
    allowing(`groups: { SRE: ["${SRE}"] }`),
    '3:11: groups.SRE: "SRE", expected a key matching ^[a-z0-9][a-z0-9_.-]{0,63}$',
  ],
  [
    'a rule without an id',
    policyOf('{ match: {}, effect: deny }'),
    '5:5: rules.0.id: missing, expected an id of letters, digits, dots, hyphens and underscores',
  ],
  [
    'a rule that does not say what it matches',
    policyOf('{ id: a, effect: deny }'),
    '5:5: rules.0.match: missing, expected a mapping',
  ],
  [
    'a rule without an effect',
    policyOf('{ id: a, match: {} }'),
    '5:5: rules.0.effect: missing, expected "allow" or "hold" or "deny"',
  ],
  [
    'a misspelt dimension, which would match everything',
    policyOf('{ id: a, match: { nmae: x }, effect: allow }'),
    '5:23: rules.0.match.nmae: "nmae", expected one of the keys kind, name, target, environment, agent',
  ],
  [
    'a number for a pattern',
    policyOf('{ id: a, match: { name: 5 }, effect: deny }'),
    '5:29: rules.0.match.name: 5, expected a text, in which * and ? stand for characters',
  ],
  [
    'no pattern in a list',
    policyOf('{ id: a, match: { name: [] }, effect: deny }'),
    '5:29: rules.0.match.name: a list of 0, expected a list of 1 to 100 entries',
  ],
  [
    'an id twice',
    policyOf('{ id: a, match: {}, effect: deny }', '{ id: a, match: {}, effect: hold }'),
    '6:11: rules.1.id: "a", expected an id that no other rule has',
  ],
  [
    'the id of the defaults',
    policyOf('{ id: defaults, match: {}, effect: deny }'),
    '5:11: rules.0.id: "defaults", expected another id: defaults names the ruling that no rule made',
  ],
  [
    'an unknown risk',
    policyOf('{ id: a, match: {}, effect: deny, risk: huge }'),
    '5:45: rules.0.risk: "huge", expected "low" or "medium" or "high" or "critical"',
  ],
  [
    'an unknown assurance',
    policyOf('{ id: a, match: {}, effect: hold, approvals: { assurance: password } }'),
    '5:63: rules.0.approvals.assurance: "password", expected "chat" or "login" or "step-up" or "passkey"',
  ],
  [
    'an escalation after the end',
    policyOf('{ id: a, match: {}, effect: hold, timeout: 5m, escalate: [{ after: 5m, to: [sre] }] }'),
    '5:72: rules.0.escalate.0.after: 300s, expected less than the timeout of 300s',
  ],
  [
    'an escalation to nobody',
    policyOf('{ id: a, match: {}, effect: hold, escalate: [{ after: 5m, to: [boss] }] }'),
    '5:68: rules.0.escalate.0.to.0: "boss", expected one of the groups sre',
  ],
  [
    'a redaction that is no pointer',
    policyOf('{ id: a, match: {}, effect: hold, redact: [password] }'),
    `5:48: rules.0.redact.0: "password", expected ${POINTER}`,
  ],
  [
    'a pointer with a bad escape',
    policyOf('{ id: a, match: {}, effect: hold, redact: [/arguments/a~2b] }'),
    `5:48: rules.0.redact.0: "/arguments/a~2b", expected ${POINTER}`,
  ],
  [
    'a redaction of something that is always shown',
    policyOf('{ id: a, match: {}, effect: hold, redact: [/name] }'),
    `5:48: rules.0.redact.0: "/name", expected ${POINTER}`,
  ],
  ['a duplicate key', doc('mode: enforce', 'mode: observe'), '3:1: YAML: Map keys must be unique'],
  ['an anchor', doc('mode: &m enforce'), `2:10: YAML: the anchor &m, ${PLAIN}`],
  ['an alias to nothing', doc('mode: *m'), `2:7: YAML: the alias *m, ${PLAIN}`],
  ['a merge key', doc('defaults: { <<: { effect: allow } }'), `2:13: YAML: a merge key, ${PLAIN}`],
  ['a tag', doc('mode: !!str enforce'), `2:13: YAML: the tag tag:yaml.org,2002:str, ${PLAIN}`],
  ['another YAML', '%YAML 1.1\n---\nholdpoint: 1\n', `1:1: YAML: a directive, ${PLAIN}`],
  ['a tag handle', '%TAG ! tag:x,2000:\n---\nholdpoint: 1\n', `1:1: YAML: a directive, ${PLAIN}`],
  ['a key that is a list', doc('? [a]', ': b'), '2:3: YAML: With stringKeys, all keys must be strings'],
  ['a tab', doc('\tmode: enforce'), '2:1: YAML: Tabs are not allowed as indentation'],
  ['a lone surrogate', doc('mode: \ud800'), '1:1: a lone surrogate, expected well-formed Unicode'],
  ['too much', 'x'.repeat(500_001), '1:1: 500001 characters, expected at most 500000'],
  ['deep nesting', `${'['.repeat(99)}${']'.repeat(99)}`, `1:65: YAML: nesting deeper than 32, ${PLAIN}`],
]

describe('policy - refused with file, line and column:', () => {
  test.each(REFUSED)('%s', (_what, source, ...lines) => {
    expect(refusals(source)).toEqual(lines.map((line) => `policy.yaml:${line}`))
  })

  test('a second document', () => {
    const [line, ...others] = refusals('holdpoint: 1\n---\nholdpoint: 1\n')
    expect(line).toMatch(/^policy\.yaml:\d:\d: YAML: Source contains multiple documents/)
    expect(others).toEqual([])
  })

  test('aliases of aliases, before they are expanded', () => {
    const levels = 'bcdefghij'.split('').map((name, index) => {
      const above = 'abcdefghij'[index]
      return `${name}: &${name} [${new Array(10).fill(`*${above}`).join(', ')}]`
    })
    expect(refusals(['a: &a [x]', ...levels].join('\n')).at(0)).toBe(
      `policy.yaml:1:7: YAML: the anchor &a, ${PLAIN}`,
    )
  })

  test('brackets without end, in a bounded message', () => {
    expect(refusals('['.repeat(20_000)).length).toBeLessThanOrEqual(51)
  })
})

describe('policy - accepted:', () => {
  test('silence is filled in: enforce, 15 minutes, one hour, one person, login', () => {
    const { mode, defaults, rules } = parsePolicy(policyOf('{ id: a, match: { name: x }, effect: hold }'))
    expect(mode.default).toBe('enforce')
    expect(defaults.effect).toBe('hold')
    expect(rules[0]).toEqual({
      id: 'a',
      match: { name: ['x'] },
      effect: 'hold',
      approvals: { from: ['sre'], threshold: 1, assurance: 'login' },
      timeoutMs: 900_000,
      validForMs: 3_600_000,
      rememberDenialMs: 3_600_000,
      redact: [],
    })
  })

  test('a rule overrides the defaults member by member', () => {
    const [rule] = parsePolicy(
      policyOf('{ id: a, match: {}, effect: hold, approvals: { threshold: 2 }, timeout: 90s, validFor: 1d }'),
    ).rules
    expect(rule?.approvals).toEqual({ from: ['sre'], threshold: 2, assurance: 'login' })
    expect([rule?.timeoutMs, rule?.validForMs]).toEqual([90_000, 86_400_000])
  })

  test('a policy of nothing but an explicit allow by default', () => {
    expect(parsePolicy(allowing()).defaults.effect).toBe('allow')
  })

  test('the hash is the digest of the source, and another byte is another hash', () => {
    const source = policyOf('{ id: a, match: {}, effect: deny }')
    expect(loadPolicy(source, 3).hash).toMatch(/^sha-256:[0-9a-f]{64}$/)
    expect(loadPolicy(`${source}\n`, 3).hash).not.toBe(loadPolicy(source, 3).hash)
  })
})

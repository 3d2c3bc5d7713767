import { describe, expect, test } from 'vitest'
import { parsePolicy } from '#policy'
import { refusals, SRE } from './support.ts'

const subject = (sub: string) => `"oidc:https://idp.example.com#sub/${sub}"`
const GROUPS = `groups: { sre: ["${SRE}"], ops: ["${SRE}"], two: [${subject('a')}, ${subject('b')}], one: [${subject('a')}] }`
/** Line 4 says who approves by default, line 5 is the first of the given. */
const doc = (approvals: string, ...lines: string[]) =>
  ['holdpoint: 1', GROUPS, 'defaults:', `  approvals: ${approvals}`, ...lines, ''].join('\n')
const holding = (more: string) =>
  doc('{ from: [sre] }', 'rules:', `  - { id: a, match: {}, effect: hold, ${more} }`)

const NEVER_WITH_ALL = 'expected either `all` or `from` and `threshold`: each part of `all` has its own'
const KIND = 'expected another kind: duties.policy says who releases a change of the policy'

const REFUSED: [string, string, ...string[]][] = [
  [
    'parts beside groups',
    doc('{ from: [sre], all: [{ from: [sre] }, { from: [ops] }] }'),
    `4:22: defaults.approvals.from: ["sre"], ${NEVER_WITH_ALL}`,
  ],
  [
    'parts beside a threshold',
    holding('approvals: { threshold: 1, all: [{ from: [sre] }, { from: [ops] }] }'),
    `6:63: rules.0.approvals.threshold: 1, ${NEVER_WITH_ALL}`,
  ],
  [
    'a threshold where the defaults have parts',
    doc(
      '{ all: [{ from: [sre] }, { from: [ops] }] }',
      'rules: [{ id: a, match: {}, effect: hold, approvals: { threshold: 1 } }]',
    ),
    '5:67: rules.0.approvals.threshold: 1, expected `from` as well, or `all`: the defaults ask for parts, each with its own threshold',
  ],
  [
    'one part, which is none',
    doc('{ all: [{ from: [sre] }] }'),
    '4:21: defaults.approvals.all: a list of 1, expected a list of 2 to 10 entries',
  ],
  [
    'a part of nobody',
    doc('{ all: [{ from: [sre] }, { threshold: 2 }] }'),
    '4:39: defaults.approvals.all.1.from: missing, expected a list of 1 to 50 entries',
  ],
  [
    'a part with a sign-in of its own',
    doc('{ all: [{ from: [sre] }, { from: [ops], assurance: login }] }'),
    '4:54: defaults.approvals.all.1.assurance: "assurance", expected one of the keys from, threshold',
  ],
  [
    'a part of zero',
    doc('{ all: [{ from: [sre], threshold: 0 }, { from: [ops] }] }'),
    '4:48: defaults.approvals.all.0.threshold: 0, expected a whole number from 1 to 20',
  ],
  [
    'a group in a part that does not exist',
    doc('{ all: [{ from: [sre] }, { from: [ops, boss] }] }'),
    '4:53: defaults.approvals.all.1.from.1: "boss", expected one of the groups sre, ops, two, one',
  ],
  [
    'more people in all parts than a request can ask for',
    doc('{ all: [{ from: [sre], threshold: 11 }, { from: [ops], threshold: 10 }] }'),
    '4:21: defaults.approvals.all: 21 people, expected at most 20 people in all parts',
  ],
  [
    'parts that one person would have to fill both',
    doc('{ all: [{ from: [one] }, { from: [one] }] }'),
    '4:21: defaults.approvals.all: parts for 2 people, expected parts that the groups have people for: they have 1, and each counts for one part',
  ],
  [
    'parts that leave too few',
    doc('{ all: [{ from: [two], threshold: 2 }, { from: [one] }, { from: [sre] }] }'),
    '4:21: defaults.approvals.all: parts for 3 people, expected parts that the groups have people for: they have 2, and each counts for one part',
  ],
  [
    'denials of zero',
    holding('approvals: { denials: 0 }'),
    '6:61: rules.0.approvals.denials: 0, expected a whole number from 1 to 20',
  ],
  [
    'a memory that is none',
    holding('rememberDenial: 0s'),
    '6:55: rules.0.rememberDenial: "0s", expected a duration such as 90s, 15m, 2h or 1d, at most 14d',
  ],
  [
    'an escalation by default',
    doc('{ from: [sre] }', '  escalate: [{ after: 5m, to: [ops] }]'),
    '5:3: defaults.escalate: "escalate", expected one of the keys effect, kinds, approvals, timeout, validFor, rememberDenial',
  ],
  [
    'a duty that is none',
    doc('{ from: [sre] }', 'duties: { thaw: [sre] }'),
    '5:11: duties.thaw: "thaw", expected one of the keys freeze, erase, policy',
  ],
  [
    'a duty of a group that does not exist',
    doc('{ from: [sre] }', 'duties: { freeze: [boss], erase: [sre, cfo], policy: { from: [ceo] } }'),
    '5:20: duties.freeze.0: "boss", expected one of the groups sre, ops, two, one',
    '5:40: duties.erase.1: "cfo", expected one of the groups sre, ops, two, one',
    '5:63: duties.policy.from.0: "ceo", expected one of the groups sre, ops, two, one',
  ],
  [
    'a duty of nobody',
    doc('{ from: [sre] }', 'duties: { erase: [] }'),
    '5:18: duties.erase: a list of 0, expected a list of 1 to 50 entries',
  ],
  [
    'changes of the policy by more people than there are',
    doc('{ from: [sre] }', 'duties: { policy: { from: [two], threshold: 3 } }'),
    '5:45: duties.policy.threshold: 3, expected at most 2, as many people as the groups have',
  ],
  [
    'changes of the policy by nobody',
    'holdpoint: 1\ndefaults: { effect: allow }\nduties: { policy: { threshold: 2 } }\n',
    '3:19: duties.policy.from: missing, expected at least one group, because a change of the policy is held',
  ],
  [
    'changes of the policy by a chat’s word',
    doc('{ from: [sre] }', 'duties: { policy: { assurance: chat } }'),
    '5:32: duties.policy.assurance: "chat", expected at least "login": a chat\'s word for somebody changes no policy',
  ],
  [
    'a quota of nothing',
    doc('{ from: [sre] }', 'quotas: { pending: 0 }'),
    '5:20: quotas.pending: 0, expected a whole number from 1 to 100000',
  ],
  [
    'an unknown quota',
    doc('{ from: [sre] }', 'quotas: { perHour: 5 }'),
    '5:11: quotas.perHour: "perHour", expected one of the keys pending, perMinute, denialsPerHour',
  ],
  [
    'a rule for changes of the policy',
    doc('{ from: [sre] }', 'rules: [{ id: a, match: { kind: holdpoint }, effect: allow }]'),
    `5:33: rules.0.match.kind.0: "holdpoint", ${KIND}`,
  ],
  [
    'the same among other kinds',
    doc('{ from: [sre] }', 'rules: [{ id: a, match: { kind: [tool, holdpoint] }, effect: deny }]'),
    `5:40: rules.0.match.kind.1: "holdpoint", ${KIND}`,
  ],
  [
    'changes of the policy by default',
    'holdpoint: 1\ndefaults: { effect: allow, kinds: { holdpoint: allow } }\n',
    `2:48: defaults.kinds.holdpoint: "holdpoint", ${KIND}`,
  ],
  [
    'the id of the ruling on a change of the policy',
    doc('{ from: [sre] }', 'rules: [{ id: policy-change, match: {}, effect: allow }]'),
    '5:15: rules.0.id: "policy-change", expected another id: policy-change names the ruling on a change of the policy',
  ],
]

describe('policy - refused with file, line and column:', () => {
  test.each(REFUSED)('%s', (_what, source, ...lines) => {
    expect(refusals(source)).toEqual(lines.map((line) => `policy.yaml:${line}`))
  })
})

const ruleOf = (source: string) => parsePolicy(source).rules[0]
const PARTS = '{ all: [{ from: [sre, ops], threshold: 2 }, { from: [one] }], denials: 2 }'

describe('policy - accepted:', () => {
  test('parts, whose groups and people together are the whole', () => {
    expect(parsePolicy(doc(PARTS)).defaults.approvals).toEqual({
      from: ['sre', 'ops', 'one'],
      threshold: 3,
      assurance: 'login',
      all: [
        { from: ['sre', 'ops'], threshold: 2 },
        { from: ['one'], threshold: 1 },
      ],
      denials: 2,
    })
  })

  test('a rule keeps the parts of the defaults, or names others instead; the number of denials stays', () => {
    const rule = (approvals: string) =>
      ruleOf(doc(PARTS, `rules: [{ id: a, match: {}, effect: hold, approvals: ${approvals} }]`))?.approvals
    expect(rule('{ assurance: chat }')).toMatchObject({ threshold: 3, all: [{}, {}], assurance: 'chat' })
    expect(rule('{ from: [sre], threshold: 1 }')).toEqual({
      from: ['sre'],
      threshold: 1,
      assurance: 'login',
      denials: 2,
    })
    expect(rule('{ all: [{ from: [two] }, { from: [ops] }], denials: 1 }')).toMatchObject({
      from: ['two', 'ops'],
      threshold: 2,
      denials: 1,
    })
  })

  test('groups instead of parts, without a threshold, ask for as many people as the parts did', () => {
    const source = doc(PARTS, 'rules: [{ id: a, match: {}, effect: hold, approvals: { from: [sre] } }]')
    expect(ruleOf(source)?.approvals).toMatchObject({ from: ['sre'], threshold: 3 })
  })

  test('an escalation belongs to those who may answer', () => {
    const rule = ruleOf(holding('escalate: [{ after: 5m, to: [ops] }, { after: 10m, to: [two, one] }]'))
    expect(rule?.approvals.escalate).toEqual([
      { afterMs: 300_000, to: ['ops'] },
      { afterMs: 600_000, to: ['two', 'one'] },
    ])
  })

  test('a threshold that only an escalation reaches', () => {
    const source = holding('approvals: { from: [one], threshold: 2 }, escalate: [{ after: 5m, to: [two] }]')
    expect(ruleOf(source)?.approvals.threshold).toBe(2)
  })

  test('a denial is remembered for an hour, or as long as the defaults or the rule say', () => {
    expect(ruleOf(holding('risk: low'))?.rememberDenialMs).toBe(3_600_000)
    expect(ruleOf(holding('rememberDenial: 1d'))?.rememberDenialMs).toBe(86_400_000)
    const source = doc(
      '{ from: [sre] }',
      '  rememberDenial: 30m',
      'rules: [{ id: a, match: {}, effect: hold }]',
    )
    expect(ruleOf(source)?.rememberDenialMs).toBe(1_800_000)
  })

  test('duties and quotas, each member by itself; silence is filled in', () => {
    const { duties, quotas } = parsePolicy(
      doc('{ from: [sre] }', 'duties: { freeze: [ops, two] }', 'quotas: { perMinute: 5 }'),
    )
    expect(duties).toEqual({
      freeze: ['ops', 'two'],
      erase: ['sre'],
      policy: {
        approvals: { from: ['sre'], threshold: 1, assurance: 'login' },
        timeoutMs: 900_000,
        validForMs: 3_600_000,
        rememberDenialMs: 3_600_000,
      },
    })
    expect(quotas).toEqual({ pending: 100, perMinute: 5, denialsPerHour: 20 })
  })

  test('changes of the policy take a sign-in, also where a chat may release everything else', () => {
    const { defaults, duties } = parsePolicy(doc('{ from: [sre], assurance: chat }'))
    expect([defaults.approvals.assurance, duties.policy.approvals.assurance]).toEqual(['chat', 'login'])
  })

  test('changes of the policy released by parts', () => {
    const { duties } = parsePolicy(
      doc(
        '{ from: [sre] }',
        'duties: { policy: { all: [{ from: [sre] }, { from: [ops] }], assurance: login } }',
      ),
    )
    expect(duties.policy.approvals).toMatchObject({ from: ['sre', 'ops'], threshold: 2, all: [{}, {}] })
  })
})

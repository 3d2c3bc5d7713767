import { describe, expect, test } from 'vitest'
import type { Principal } from '#contract'
import { checkPolicy, createPeople, type People, parsePolicy } from '#policy'
import { SRE } from './support.ts'

const IDP = 'https://idp.example.com'
const subjects = (...subs: string[]) => `[${subs.map((sub) => `"oidc:${IDP}#sub/${sub}"`).join(', ')}]`
/** The rules from line 5 on; line 3 names the groups, the fourth is the duties'. */
const doc = (duties: string, ...rules: string[]) => `holdpoint: 1
defaults: { approvals: { from: [sre] } }
groups: { sre: ["${SRE}"], ops: ["${SRE}"], one: ${subjects('a')}, two: ${subjects('a', 'b')} }
duties: { erase: [ops, one, two]${duties} }
rules:
${rules.map((rule, index) => `  - { id: r${index}, match: { name: "${index}" }, effect: hold, ${rule} }\n`).join('') || '  []\n'}`
const found = (source: string, people?: People) =>
  checkPolicy(parsePolicy(source), people).map(
    ({ line, column, level, code, message }) => `${line}:${column} ${level} ${code}: ${message}`,
  )

describe('policy check - says of people', () => {
  test('nothing where all is well', () => {
    expect(
      found(
        doc(
          '',
          'approvals: { all: [{ from: [sre] }, { from: [two] }], denials: 2 }',
          'approvals: { from: [two], threshold: 2, denials: 2 }',
          'approvals: { from: [two] }, escalate: [{ after: 1m, to: [sre] }, { after: 2m, to: [ops] }]',
        ),
      ),
    ).toEqual([])
  })

  test('that only escalation brings enough of them', () => {
    const rule = 'approvals: { from: [one], threshold: 2 }, escalate: [{ after: 5m, to: [two] }]'
    expect(found(doc('', rule))).toEqual([
      '6:62 warning ONLY_BY_ESCALATION: Until it escalates nobody can release it: 2 people have to approve, and there are 1.',
    ])
  })

  test('that an escalation lets in nobody', () => {
    const again = 'escalate: [{ after: 5m, to: [sre] }]'
    const twice = 'escalate: [{ after: 5m, to: [ops] }, { after: 6m, to: [ops, two] }]'
    const later = 'escalate: [{ after: 6m, to: [ops] }, { after: 5m, to: [ops] }]'
    const partly =
      'approvals: { all: [{ from: [sre] }, { from: [two] }] }, escalate: [{ after: 5m, to: [sre] }]'
    expect(found(doc('', again, twice, later, partly))).toEqual([
      '6:80 warning USELESS_ESCALATION: The group sre may answer before that already: this lets in nobody.',
      '7:106 warning USELESS_ESCALATION: The group ops may answer before that already: this lets in nobody.',
      '8:80 warning USELESS_ESCALATION: The group ops may answer before that already: this lets in nobody.',
    ])
  })

  test('that so many denials cannot come', () => {
    const rules = ['approvals: { from: [two], denials: 3 }', 'approvals: { denials: 20 }']
    expect(found(doc('', ...rules))).toEqual([
      '6:86 warning DENIALS_OUT_OF_REACH: Nobody can deny it: that takes 3 people, and only 2 may answer.',
    ])
  })

  test('that an agent frozen by the only one who may is never thawed', () => {
    expect(found(doc(', freeze: [one]'))).toEqual([
      '4:43 warning NOBODY_TO_THAW: Only one person may freeze an agent, and it takes another to end that.',
    ])
    expect(found(doc(', freeze: [one, sre]'))).toEqual([])
  })

  test('that those who are needed for a change of the policy can propose none', () => {
    expect(found(doc(', policy: { from: [two], threshold: 2 }'))).toEqual([
      '4:43 note PROPOSER_IS_NEEDED: 2 people can propose no change of the policy: nobody releases their own, and without them there are too few.',
    ])
    expect(found(doc(', policy: { from: [two, sre], threshold: 2 }'))).toEqual([])
    expect(found(doc(', policy: { from: [two] }'))).toEqual([])
  })

  test('that a change of the policy asks for a sign-in that nobody has', () => {
    expect(found(doc(', policy: { assurance: passkey }')).join()).toMatch(
      /^4:56 warning ASSURANCE_OUT_OF_REACH: No sign-in reaches passkey/,
    )
  })

  test('that nobody has a duty', () => {
    expect(found('holdpoint: 1\ndefaults: { effect: deny }\n')).toEqual([
      '1:1 warning NOBODY_ON_DUTY: No group has the duty freeze, erase, policy: neither here nor in defaults.approvals is one named.',
    ])
  })

  test('that two accounts are one person, where a directory tells', () => {
    const at = (sub: string): Principal => ({ iss: IDP, sub })
    const people = createPeople({ people: [{ id: 'ada', accounts: [at('a'), at('b')] }], services: [] })
    const source = doc(', freeze: [two]', 'approvals: { from: [two], threshold: 2, denials: 2 }')
    expect(found(source)).toEqual([])
    expect(found(source, people)).toEqual([
      "6:62 warning OUT_OF_REACH: The directory knows some of these accounts for one person's: 2 people have to approve, and there are 1. What is held here can only expire.",
      '6:100 warning DENIALS_OUT_OF_REACH: Nobody can deny it: that takes 2 people, and only 1 may answer.',
      '4:43 warning NOBODY_TO_THAW: Only one person may freeze an agent, and it takes another to end that.',
    ])
  })
})

test('policy check - says of a kind that no enforcement point says it, in rules and defaults', () => {
  const kind = (pattern: string) => `{ id: k, match: { kind: ${pattern} }, effect: deny }`
  const source = (pattern: string) => `holdpoint: 1
defaults: { approvals: { from: [sre] }, kinds: { htpp: hold, http: hold } }
groups: { sre: ["${SRE}"] }
rules: [${kind(pattern)}]
`
  const says = (one: string) =>
    `warning UNKNOWN_KIND: No enforcement point of this version says the kind ${one}; the known ones are tool, mcp, db, http, process, file, aws, k8s.`
  expect(found(source('[tol, "t*", "*", k8s, "aws-*"]'))).toEqual([
    `2:56 ${says('htpp')}`,
    `4:34 ${says('tol')}`,
    `4:55 ${says('aws-*')}`,
  ])
})

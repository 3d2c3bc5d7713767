import { describe, expect, test } from 'vitest'
import { createPeople, explainRuling, loadPolicy, mayDo, type Reviewer, ruleOn } from '#policy'
import { ask, policyOf, SRE } from './support.ts'

const IDP = 'https://idp.example.com'
const OPS = `oidc:${IDP}#group/ops`
const source = (...more: string[]) =>
  [policyOf().replace('groups: {', `groups: { ops: ["${OPS}"],`), ...more].join('')
const grace: Reviewer = {
  iss: IDP,
  sub: 'grace',
  name: 'Grace',
  groups: [OPS],
  assurance: 'login',
  service: false,
}
const code = (
  text: string,
  duty: 'freeze' | 'erase',
  person: Partial<Reviewer> = {},
  people = createPeople(),
) => {
  const answer = mayDo(loadPolicy(text, 1), people, { ...grace, ...person }, duty)
  return answer.ok ? 'ok' : answer.code
}
const freezing = source('duties: { freeze: [ops] }\n')

describe('duties - to freeze an agent, to erase a payload:', () => {
  test('a member of a group that has the duty', () => {
    expect(code(freezing, 'freeze')).toBe('ok')
    expect(code(freezing, 'freeze', { assurance: 'passkey' })).toBe('ok')
  })

  test('each duty has its own groups, and where none are named those of the defaults', () => {
    expect(code(freezing, 'erase')).toBe('NOT_PERMITTED')
    expect(code(freezing, 'erase', { groups: [SRE] })).toBe('ok')
    expect(code(freezing, 'freeze', { groups: [SRE] })).toBe('NOT_PERMITTED')
  })

  test.each<[string, Partial<Reviewer>, string]>([
    ['nobody’s member', { groups: [] }, 'NOT_PERMITTED'],
    ['a group by its name in the policy', { groups: ['ops'] }, 'NOT_PERMITTED'],
    ['somebody of another issuer', { iss: 'https://evil.example' }, 'NOT_PERMITTED'],
    ['a service account', { service: true }, 'NOT_PERMITTED'],
    [
      'somebody of whom it is not known whether they are a person',
      { service: undefined as never },
      'NOT_PERMITTED',
    ],
    ['a chat’s word for somebody', { assurance: 'chat' }, 'ASSURANCE_TOO_LOW'],
  ])('refused: %s', (_who, person, expected) => {
    expect(code(freezing, 'freeze', person)).toBe(expected)
  })

  test('refused: what the directory names as a service', () => {
    const people = createPeople({ people: [], services: [{ iss: IDP, sub: 'grace' }] })
    expect(code(freezing, 'freeze', {}, people)).toBe('NOT_PERMITTED')
  })

  test('refused: everybody, where the policy names nobody', () => {
    const nobody = 'holdpoint: 1\ndefaults: { effect: deny }\n'
    for (const duty of ['freeze', 'erase'] as const)
      expect(code(nobody, duty, { groups: [SRE, OPS] })).toBe('NOT_PERMITTED')
  })
})

const change = ask('policy apply', { version: 2 }, { kind: 'holdpoint' })

describe('duties - a change of the policy', () => {
  test('is held on the terms of the duty, and of the defaults where it says nothing', () => {
    const policy = loadPolicy(source('duties: { policy: { from: [ops], threshold: 2 } }\n'), 3)
    expect(ruleOn(policy, change)).toEqual({
      effect: 'hold',
      rule: 'policy-change',
      policyVersion: 3,
      policyHash: policy.hash,
      mode: 'enforce',
      risk: 'critical',
      approvals: { from: ['ops'], threshold: 2, assurance: 'login' },
      timeoutMs: 900_000,
      validForMs: 3_600_000,
      rememberDenialMs: 3_600_000,
      redact: [],
    })
    expect(ruleOn(loadPolicy(source(), 1), change)).toMatchObject({
      effect: 'hold',
      approvals: { from: ['sre'], threshold: 1 },
    })
  })

  test.each([
    ['where everything is only observed', `mode: observe\n${policyOf()}`],
    ['where its environment is', `mode: { prod: observe }\n${policyOf()}`],
    ['where everything is allowed by default', policyOf().replace('{ app', '{ effect: allow, app')],
    ['where a rule allows everything', policyOf('{ id: all, match: { kind: "*" }, effect: allow }')],
    ['where a rule allows its name', policyOf('{ id: all, match: { name: "policy *" }, effect: allow }')],
    [
      'where a rule allows half of its kind',
      policyOf('{ id: all, match: { kind: "hold*" }, effect: allow }'),
    ],
    ['where a rule denies everything', policyOf('{ id: all, match: {}, effect: deny }')],
  ])('is held %s', (_where, text) => {
    const policy = loadPolicy(text, 1)
    const ruling = ruleOn(policy, change)
    expect(ruling).toMatchObject({ effect: 'hold', rule: 'policy-change', mode: 'enforce' })
    expect(explainRuling(policy, change)).toMatchObject({
      ruling,
      steps: [{ rule: 'policy-change', matched: true }],
    })
  })

  test('is denied where nobody could release it', () => {
    const policy = loadPolicy('holdpoint: 1\ndefaults: { effect: allow }\n', 1)
    expect(ruleOn(policy, change)).toMatchObject({
      effect: 'deny',
      mode: 'enforce',
      reason: 'The policy names nobody who may release a change of it: see duties.policy.',
    })
  })
})

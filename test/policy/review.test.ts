import { expect, test } from 'vitest'
import { ASSURANCES, type Assurance, type EscalationStep, type Principal } from '#contract'
import { createPeople, mayReview, type Reviewer } from '#policy'
import { SRE } from './support.ts'

const IDP = 'https://idp.example.com'
const OPS = SRE.replace('sre', 'ops')
const policy = { groups: { sre: [SRE], ops: [OPS], ada: [`oidc:${IDP}#sub/ada`] } }
const everybody = createPeople()
const grace: Reviewer = {
  iss: IDP,
  sub: 'grace',
  name: 'Grace',
  groups: [SRE],
  assurance: 'login',
  service: false,
}
const request = {
  approvals: { from: ['sre'], threshold: 1, assurance: 'login' as Assurance },
  agent: { iss: 'example.com/holdpoint', sub: 'billing' },
  owner: { iss: IDP, sub: 'ada' },
  onBehalfOf: [
    { iss: IDP, sub: 'alan' },
    { iss: IDP, sub: 'edsger' },
  ],
}
type Change = Partial<Omit<typeof request, 'approvals'>> & {
  approvals?: typeof request.approvals & { escalate?: EscalationStep[] }
  promptedBy?: Principal
  waitedMs?: number
}
const answer = (reviewer: Partial<Reviewer>, change: Change = {}, people = everybody) =>
  mayReview(policy, people, { ...grace, ...reviewer }, { ...request, waitedMs: 0, ...change })
const code = (reviewer: Partial<Reviewer>, change: Change = {}, people = everybody) => {
  const verdict = answer(reviewer, change, people)
  return verdict.ok ? 'ok' : verdict.code
}

test('review - a member of the group, signed in as asked, who is no party to it', () => {
  expect(code({})).toBe('ok')
  expect(code({ assurance: 'passkey' })).toBe('ok')
})

test.each([
  ['the agent', request.agent],
  ['its owner', request.owner],
  ['the user it acts for', { iss: IDP, sub: 'alan' }],
  ['somebody in the middle of the delegation chain', { iss: IDP, sub: 'edsger' }],
])('review - refused: %s', (_who, party) => {
  expect(code({ ...party, groups: [SRE] })).toBe('SELF_APPROVAL')
})

test('review - refused: who wrote the prompt', () => {
  expect(code({ sub: 'mallory' }, { promptedBy: { iss: IDP, sub: 'mallory' } })).toBe('SELF_APPROVAL')
  expect(code({ sub: 'mallory' }, { promptedBy: { iss: IDP, sub: 'trent' } })).toBe('ok')
})

test.each([
  ['the owner', 'ada'],
  ['the user it acts for', 'alan'],
  ['somebody in the middle of the delegation chain', 'edsger'],
])('review - refused: another account of %s', (_who, sub) => {
  const accounts = [
    { iss: IDP, sub },
    { iss: 'https://chat.example', sub: 'U7' },
  ]
  const people = createPeople({ people: [{ id: 'p', accounts }], services: [] })
  const second = { ...accounts[1], groups: [SRE] }
  expect(code(second, {}, people)).toBe('SELF_APPROVAL')
  expect(code(second)).toBe('NOT_A_REVIEWER')
})

test('review - refused: what the directory names as a service, whatever its token says', () => {
  const people = createPeople({ people: [], services: [{ iss: IDP, sub: 'grace' }] })
  expect(code({}, {}, people)).toBe('NOT_A_REVIEWER')
  expect(code({ sub: 'barbara' }, {}, people)).toBe('ok')
})

test('review - escalation lets in its groups once the request has waited so long, and not before', () => {
  const approvals = { ...request.approvals, escalate: [{ afterMs: 300_000, to: ['ops'] }] }
  const ops = { groups: [OPS] }
  expect(code(ops, { approvals, waitedMs: 299_999 })).toBe('NOT_A_REVIEWER')
  expect(code(ops, { approvals, waitedMs: 300_000 })).toBe('ok')
  for (const waitedMs of [Number.NaN, undefined as never, -1])
    expect(code(ops, { approvals, waitedMs })).toBe('NOT_A_REVIEWER')
})

test('review - escalation lets in nobody who is a party or signed in too weakly', () => {
  const approvals = { ...request.approvals, escalate: [{ afterMs: 1, to: ['ops'] }] }
  const change = { approvals, waitedMs: 10 }
  expect(code({ sub: 'ada', groups: [OPS] }, change)).toBe('SELF_APPROVAL')
  expect(code({ groups: [OPS], assurance: 'chat' }, change)).toBe('ASSURANCE_TOO_LOW')
})

test('review - what is recorded of a reviewer are the answering groups that they are in, and no others', () => {
  const approvals = { from: ['sre', 'ada'], threshold: 1, assurance: 'login' as const }
  expect(answer({ groups: [SRE, OPS] }, { approvals })).toEqual({ ok: true, groups: ['sre'] })
  const escalated = { ...approvals, escalate: [{ afterMs: 1, to: ['ops', 'sre'] }] }
  expect(answer({ groups: [OPS, SRE] }, { approvals: escalated, waitedMs: 1 })).toEqual({
    ok: true,
    groups: ['sre', 'ops'],
  })
})

test('review - the same subject of another issuer is another person, and in none of our groups', () => {
  expect(code({ iss: 'https://evil.example', sub: 'ada' })).toBe('NOT_A_REVIEWER')
})

test.each<[string, Partial<Reviewer>]>([
  ['a service account', { service: true }],
  ['somebody of whom it is not known whether they are a person', { service: undefined as never }],
  ['nobody’s member', { groups: [] }],
  ['a member of a group of that name at another issuer', { groups: ['oidc:https://evil.example#group/sre'] }],
  ['a member of a group in other letters', { groups: [SRE.replace('sre', 'SRE')] }],
  ['a group by its name in the policy', { groups: ['sre'] }],
  ['somebody of another issuer who claims ours', { iss: 'https://evil.example', groups: [SRE] }],
  ['an issuer made to look like a subject of ours', { iss: `${IDP}#sub/ada`, sub: '', groups: [] }],
])('review - refused: %s', (_who, reviewer) => {
  expect(code(reviewer)).toBe('NOT_A_REVIEWER')
})

test('review - a subject named by the policy needs no group, and its name in somebody’s groups is worth nothing', () => {
  const approvals = { ...request.approvals, from: ['ada'] }
  const owner = { iss: IDP, sub: 'barbara' }
  expect(code({ sub: 'ada', groups: [] }, { approvals, owner })).toBe('ok')
  expect(code({ groups: [`oidc:${IDP}#sub/ada`] }, { approvals, owner })).toBe('NOT_A_REVIEWER')
})

test('review - groups that the policy does not have, or no longer has, let nobody in', () => {
  for (const from of [[], ['ops'], ['constructor'], ['__proto__']])
    expect(code({}, { approvals: { ...request.approvals, from } })).toBe('NOT_A_REVIEWER')
})

test('review - every assurance below the one asked for is refused', () => {
  for (const [asked, assurance] of ASSURANCES.entries())
    for (const [given, offered] of ASSURANCES.entries())
      expect(code({ assurance: offered }, { approvals: { ...request.approvals, assurance } })).toBe(
        given >= asked ? 'ok' : 'ASSURANCE_TOO_LOW',
      )
  expect(code({ assurance: 'password' as Assurance })).toBe('ASSURANCE_TOO_LOW')
})

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ASSURANCES, type Assurance, type Verdict } from '#contract'
import { mayReview, type Reviewer, tally } from '#policy'
import { SRE } from './support.ts'

const IDP = 'https://idp.example.com'
const policy = { groups: { sre: [SRE], ada: [`oidc:${IDP}#sub/ada`] } }
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
const code = (reviewer: Partial<Reviewer>, change: Partial<typeof request> = {}) => {
  const answer = mayReview(policy, { ...grace, ...reviewer }, { ...request, ...change })
  return answer.ok ? 'ok' : answer.code
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

const principal = fc.record({
  iss: fc.constantFrom(IDP, 'https://b.example'),
  sub: fc.constantFrom('a', 'b', 'c', 'd'),
})

test('review - whoever may review is never a party to the request', () => {
  fc.assert(
    fc.property(
      principal,
      principal,
      principal,
      fc.array(principal, { maxLength: 4 }),
      (one, agent, owner, onBehalfOf) => {
        const answer = mayReview(policy, { ...grace, ...one }, { ...request, agent, owner, onBehalfOf })
        const parties = [agent, owner, ...onBehalfOf].map(({ iss, sub }) => `${iss} ${sub}`)
        if (parties.includes(`${one.iss} ${one.sub}`))
          expect(answer).toMatchObject({ ok: false, code: 'SELF_APPROVAL' })
        else expect(answer.ok).toBe(one.iss === IDP)
      },
    ),
  )
})

const review = fc.record({ reviewer: principal, verdict: fc.constantFrom<Verdict>('approve', 'deny') })
const distinct = (people: { iss: string; sub: string }[]) =>
  new Set(people.map(({ iss, sub }) => `${iss} ${sub}`)).size

test('tally - approved needs as many distinct people as the threshold, before any denial', () => {
  fc.assert(
    fc.property(fc.array(review), fc.integer({ min: 1, max: 5 }), (reviews, threshold) => {
      const denied = reviews.findIndex(({ verdict }) => verdict === 'deny')
      const before = (denied < 0 ? reviews : reviews.slice(0, denied)).map(({ reviewer }) => reviewer)
      const people = distinct(before)
      const expected =
        people >= threshold
          ? { state: 'approved' }
          : denied >= 0
            ? { state: 'denied' }
            : { state: 'pending', missing: threshold - people }
      expect(tally(reviews, { threshold })).toEqual(expected)
    }),
  )
})

test('tally - the order of approvals does not matter', () => {
  fc.assert(
    fc.property(
      fc.array(principal),
      fc.integer({ min: 1, max: 5 }),
      fc.integer(),
      (people, threshold, seed) => {
        const reviews = people.map((reviewer) => ({ reviewer, verdict: 'approve' as const }))
        const shuffled = reviews.toSorted(
          (a, b) => ((seed * a.reviewer.sub.charCodeAt(0)) % 7) - ((seed * b.reviewer.sub.charCodeAt(0)) % 7),
        )
        expect(tally(shuffled, { threshold })).toEqual(tally(reviews, { threshold }))
      },
    ),
  )
})

test('tally - one person counts once, in however many groups and how often they approve', () => {
  const twice = [grace, { ...grace, name: 'Grace again' }].map((reviewer) => ({
    reviewer,
    verdict: 'approve' as const,
  }))
  expect(tally(twice, { threshold: 2 })).toEqual({ state: 'pending', missing: 1 })
})

test('tally - a threshold that is none is never reached', () => {
  for (const threshold of [0, -1, Number.NaN, 1.5, undefined as never])
    expect(tally([{ reviewer: grace, verdict: 'approve' }], { threshold }).state).toBe('pending')
})

test('tally - a verdict that is none is a denial', () => {
  expect(tally([{ reviewer: grace, verdict: 'approved' as Verdict }], { threshold: 1 })).toEqual({
    state: 'denied',
  })
})

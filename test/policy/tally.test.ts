import { describe, expect, test } from 'vitest'
import type { Approvals, Principal, Verdict } from '#contract'
import { type CountedReview, createPeople, type People, tally } from '#policy'

const IDP = 'https://idp.example.com'
const at = (sub: string): Principal => ({ iss: IDP, sub })
const request = { agent: at('agent'), owner: at('owner'), onBehalfOf: [at('user'), at('delegate')], at: 1000 }

/** `ada+sre,ops`: ada approves as a member of both; `ada-`: ada denies. */
function reviewsOf(...said: string[]): CountedReview[] {
  return said.map((text, index) => {
    const [, sub = '', sign, groups = ''] = /^([a-z.]+)([+-])(.*)$/.exec(text) ?? []
    const verdict: Verdict = sign === '+' ? 'approve' : 'deny'
    return {
      reviewer: at(sub),
      verdict,
      at: 1000 + index,
      groups: groups === '' ? ['sre'] : groups.split(','),
    }
  })
}

const sre = (threshold: number, more: Partial<Approvals> = {}): Approvals => ({
  from: ['sre'],
  threshold,
  assurance: 'login',
  ...more,
})
/** `a: 1, b: 2` */
const parts = (wanted: Record<string, number>, more: Partial<Approvals> = {}): Approvals => ({
  from: [...new Set(Object.keys(wanted).flatMap((from) => from.split('|')))],
  threshold: Object.values(wanted).reduce((sum, people) => sum + people, 0),
  assurance: 'login',
  all: Object.entries(wanted).map(([from, threshold]) => ({ from: from.split('|'), threshold })),
  ...more,
})

function stands(approvals: Approvals, said: string[], people: People = createPeople(), more = {}): string {
  const result = tally(reviewsOf(...said), { ...request, approvals, ...more }, people)
  return result.state === 'pending'
    ? `pending, ${result.missing} missing`
    : `${result.state} by ${result.by.map(({ reviewer }) => reviewer.sub).join(' ')}`
}

const twoAccounts = createPeople({
  people: [
    { id: 'ada', accounts: [at('ada'), at('ada.admin')] },
    { id: 'olga', accounts: [at('owner'), at('olga')] },
  ],
  services: [at('bot')],
})

describe('tally - a threshold', () => {
  test.each<[string, number, string[], string]>([
    ['nobody yet', 2, [], 'pending, 2 missing'],
    ['one of two', 2, ['ada+'], 'pending, 1 missing'],
    ['two of two', 2, ['ada+', 'grace+'], 'approved by ada grace'],
    ['those who reached it, not who came after', 1, ['ada+', 'grace+'], 'approved by ada'],
    ['one person twice is one', 2, ['ada+', 'ada+'], 'pending, 1 missing'],
    ['in however many groups', 2, ['ada+sre,ops,boss'], 'pending, 1 missing'],
    ['a denial before it is reached', 2, ['ada+', 'grace-', 'alan+'], 'denied by grace'],
    ['a denial after it is reached', 2, ['ada+', 'alan+', 'grace-'], 'approved by ada alan'],
    ['a denial at first', 1, ['grace-', 'ada+'], 'denied by grace'],
    ['a member of none of the groups', 1, ['ada+ops'], 'pending, 1 missing'],
  ])('%s', (_what, threshold, said, expected) => {
    expect(stands(sre(threshold), said)).toBe(expected)
  })

  test('that is none is never reached', () => {
    for (const threshold of [0, -1, Number.NaN, 1.5, Number.POSITIVE_INFINITY, undefined as never])
      expect(stands(sre(threshold), ['ada+', 'grace+'])).toMatch(/^pending/)
  })

  test('without groups in the ledger is reached by whoever was let in, and parts are not', () => {
    const old = reviewsOf('ada+', 'grace+').map(({ groups: _, ...review }) => review)
    const asked = (approvals: Approvals) => tally(old, { ...request, approvals }, createPeople()).state
    expect([asked(sre(2)), asked(parts({ sre: 1, ops: 1 }))]).toEqual(['approved', 'pending'])
  })

  test('a verdict that is none is a denial', () => {
    const [review] = reviewsOf('ada+')
    const odd = { ...(review as CountedReview), verdict: 'approved' as Verdict }
    expect(tally([odd], { ...request, approvals: sre(1) }, createPeople()).state).toBe('denied')
  })
})

describe('tally - denials', () => {
  test.each<[string, number | undefined, string[], string]>([
    [
      'the first ends it where the policy is silent',
      undefined,
      ['ada+', 'grace-', 'alan-'],
      'denied by grace',
    ],
    ['one of two is not enough', 2, ['grace-'], 'pending, 2 missing'],
    [
      'two of two, with approvals between them',
      2,
      ['grace-', 'ada+', 'alan-', 'bob+'],
      'denied by grace alan',
    ],
    ['one person’s two are one', 2, ['grace-', 'grace-'], 'pending, 2 missing'],
    ['the threshold was reached before', 2, ['grace-', 'ada+', 'bob+', 'alan-'], 'approved by ada bob'],
    ['a denier’s approval does not count', 2, ['ada-', 'ada+', 'bob+'], 'pending, 1 missing'],
    ['nor one that came before the denial', 2, ['ada+', 'ada-', 'bob+'], 'pending, 1 missing'],
  ])('%s', (_what, denials, said, expected) => {
    expect(stands(sre(2, denials === undefined ? {} : { denials }), said)).toBe(expected)
  })

  test('a number of them that is none is one', () => {
    for (const denials of [0, -1, Number.NaN, 1.5])
      expect(stands(sre(2, { denials }), ['grace-'])).toBe('denied by grace')
  })
})

describe('tally - parts', () => {
  test.each<[string, Approvals, string[], string]>([
    ['each its own person', parts({ sre: 1, ops: 1 }), ['ada+sre', 'grace+ops'], 'approved by ada grace'],
    ['a person in both groups fills one', parts({ sre: 1, ops: 1 }), ['ada+sre,ops'], 'pending, 1 missing'],
    ['two of one group fill one', parts({ sre: 1, ops: 1 }), ['ada+sre', 'grace+sre'], 'pending, 1 missing'],
    [
      'whoever fits both makes room',
      parts({ sre: 1, ops: 1 }),
      ['ada+sre,ops', 'grace+sre'],
      'approved by ada grace',
    ],
    [
      'those who fill nothing are not named',
      parts({ sre: 1, ops: 1 }),
      ['ada+sre', 'bob+sre', 'grace+ops'],
      'approved by ada grace',
    ],
    [
      'as many people as were asked, in the wrong groups',
      parts({ sre: 1, ops: 2 }),
      ['a+sre', 'b+sre', 'c+ops'],
      'pending, 1 missing',
    ],
    [
      'any of a part’s groups',
      parts({ 'sre|boss': 2, ops: 1 }),
      ['a+sre', 'b+boss', 'c+ops'],
      'approved by a b c',
    ],
    ['overlapping parts', parts({ 'sre|ops': 1, ops: 1 }), ['ada+ops', 'grace+ops'], 'approved by ada grace'],
    ['a denial of any of them', parts({ sre: 1, ops: 1 }), ['ada+sre', 'grace-ops'], 'denied by grace'],
    [
      'a whole that asks for more than its parts',
      { ...parts({ sre: 1, ops: 1 }), threshold: 3 },
      ['ada+sre', 'grace+ops'],
      'pending, 1 missing',
    ],
    [
      'a whole that asks for less than its parts',
      { ...parts({ sre: 1, ops: 1 }), threshold: 1 },
      ['ada+sre'],
      'pending, 1 missing',
    ],
  ])('%s', (_what, approvals, said, expected) => {
    expect(stands(approvals, said)).toBe(expected)
  })

  test('one whose threshold is none is never filled', () => {
    for (const threshold of [0, -1, Number.NaN, 1.5])
      expect(stands(parts({ sre: 1, ops: threshold }), ['ada+sre', 'grace+ops', 'bob+sre,ops'])).toMatch(
        /^pending/,
      )
  })
})

describe('tally - escalation', () => {
  const escalate = [{ afterMs: 2, to: ['oncall'] }]

  test('whoever was let in fills any part', () => {
    const said = ['ada+sre', 'x-', 'grace+oncall']
    expect(stands(parts({ sre: 1, ops: 1 }, { escalate, denials: 2 }), said)).toBe('approved by ada grace')
  })

  test('and is one person all the same', () => {
    const said = ['x-', 'y-', 'grace+oncall']
    expect(stands(parts({ sre: 1, ops: 1 }, { escalate, denials: 3 }), said)).toBe('pending, 1 missing')
  })

  test('lowers no threshold', () => {
    expect(stands(sre(2, { escalate }), ['ada+', 'x+ops', 'y+ops'])).toBe('pending, 1 missing')
  })

  test('lets in nobody who answered before it', () => {
    const toSre = [{ afterMs: 2, to: ['sre'] }]
    const approvals = parts({ sre: 1, ops: 1 }, { escalate: toSre })
    expect(stands(approvals, ['ada+sre', 'grace+sre'])).toBe('pending, 1 missing')
    expect(stands(approvals, ['ada+sre', 'grace+sre', 'bob+sre'])).toBe('approved by ada bob')
  })
})

describe('tally - people', () => {
  test('two accounts of one person are one, also where the directory learns of it after their reviews', () => {
    const said = ['ada+', 'ada.admin+']
    expect(stands(sre(2), said)).toBe('approved by ada ada.admin')
    expect(stands(sre(2), said, twoAccounts)).toBe('pending, 1 missing')
    expect(stands(sre(2), [...said, 'grace+'], twoAccounts)).toBe('approved by ada grace')
  })

  test('they fill one part, with whichever account fits', () => {
    const approvals = parts({ sre: 1, ops: 1 })
    expect(stands(approvals, ['ada+sre', 'ada.admin+ops'], twoAccounts)).toBe('pending, 1 missing')
    expect(stands(approvals, ['ada+sre', 'ada.admin+ops', 'grace+sre'], twoAccounts)).toBe(
      'approved by ada.admin grace',
    )
  })

  test('who denies with one account does not approve with the other', () => {
    expect(stands(sre(2, { denials: 2 }), ['ada+', 'ada.admin-', 'grace+'], twoAccounts)).toBe(
      'pending, 1 missing',
    )
    expect(stands(sre(2, { denials: 2 }), ['ada-', 'ada.admin-'], twoAccounts)).toBe('pending, 2 missing')
  })

  test('whoever turns out to be the requester does not count, whichever their verdict', () => {
    expect(stands(sre(1), ['olga+'])).toBe('approved by olga')
    expect(stands(sre(1), ['olga+'], twoAccounts)).toBe('pending, 1 missing')
    expect(stands(sre(1), ['olga-', 'grace+'], twoAccounts)).toBe('approved by grace')
  })

  test.each(['agent', 'owner', 'user', 'delegate', 'author'])('the %s does not count', (sub) => {
    const more = { promptedBy: at('author') }
    expect(stands(sre(1), [`${sub}+`], createPeople(), more)).toBe('pending, 1 missing')
  })

  test('nor does what turns out to be a service', () => {
    expect(stands(sre(1), ['bot+'], twoAccounts)).toBe('pending, 1 missing')
  })
})

import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Principal } from '#contract'
import { createPeople } from '#policy'

const IDP = 'https://idp.example.com'
const at = (sub: string, iss = IDP): Principal => ({ iss, sub })
const people = createPeople({
  people: [
    { id: 'ada', accounts: [at('ada'), at('ada.admin'), at('7', 'https://chat.example')] },
    { id: 'grace', accounts: [at('grace')] },
  ],
  services: [at('deploy-bot')],
})

test('people - the accounts of one person are one, at whichever issuer', () => {
  expect(people.same(at('ada'), at('ada.admin'))).toBe(true)
  expect(people.same(at('ada'), at('7', 'https://chat.example'))).toBe(true)
})

test.each<[string, Principal, Principal]>([
  ['two people', at('ada'), at('grace')],
  ['somebody who is in no directory', at('ada'), at('alan')],
  [
    'the same subject at an issuer that the directory does not name',
    at('ada'),
    at('ada', 'https://b.example'),
  ],
  ['an account in other letters', at('ada'), at('Ada')],
  ['a subject that looks like two', at('a","b', 'x'), at('b', 'x","a')],
])('people - different: %s', (_what, one, other) => {
  expect(people.same(one, other)).toBe(false)
})

test('people - services are those that are named, and no others', () => {
  expect(people.isService(at('deploy-bot'))).toBe(true)
  expect(people.isService(at('deploy-bot', 'https://b.example'))).toBe(false)
  expect(createPeople().isService(at('deploy-bot'))).toBe(false)
})

test('people - an account of two people is refused with its place', () => {
  const twice = [
    { id: 'ada', accounts: [at('ada')] },
    { id: 'grace', accounts: [at('grace'), at('ada')] },
  ]
  expect(() => createPeople({ people: twice, services: [] })).toThrow(
    'directory: people.1.accounts.1: ada of https://idp.example.com under grace, expected an account of one person',
  )
})

test('people - an id that is written like an account is nobody’s account', () => {
  const written = createPeople({
    people: [{ id: JSON.stringify([IDP, 'alan']), accounts: [at('ada')] }],
    services: [],
  })
  expect(written.same(at('ada'), at('alan'))).toBe(false)
  expect(written.keyOf(at('ada'))).not.toBe(written.keyOf(at('alan')))
})

test('people - entries with the same id are the same person', () => {
  const split = createPeople({
    people: [
      { id: 'ada', accounts: [at('ada')] },
      { id: 'ada', accounts: [at('ada.admin')] },
    ],
    services: [],
  })
  expect(split.same(at('ada'), at('ada.admin'))).toBe(true)
})

const account = fc.record({
  iss: fc.constantFrom('i', 'j', '["'),
  sub: fc.string({ minLength: 1, maxLength: 3 }),
})

test('people - without a directory two accounts are one person exactly where issuer and subject are equal', () => {
  const everybody = createPeople()
  fc.assert(
    fc.property(account, account, (one, other) => {
      expect(everybody.same(one, other)).toBe(one.iss === other.iss && one.sub === other.sub)
    }),
  )
})

test('people - a directory joins what it names and nothing else, whatever its ids look like', () => {
  const ids = fc.oneof(
    fc.string({ minLength: 1, maxLength: 3 }),
    account.map(({ iss, sub }) => JSON.stringify([iss, sub])),
  )
  fc.assert(
    fc.property(
      fc.uniqueArray(account, { selector: (one) => JSON.stringify([one.iss, one.sub]), maxLength: 8 }),
      fc.array(ids, { minLength: 8, maxLength: 8 }),
      (accounts, names) => {
        const known = createPeople({
          people: accounts.slice(2).map((one, index) => ({ id: names[index] as string, accounts: [one] })),
          services: [],
        })
        const person = (index: number) => (index < 2 ? `nobody ${index}` : `named ${names[index - 2]}`)
        for (const [index, one] of accounts.entries())
          for (const [nth, other] of accounts.entries())
            expect([known.same(one, other), known.keyOf(one) === known.keyOf(other)]).toEqual(
              new Array(2).fill(person(index) === person(nth)),
            )
      },
    ),
  )
})

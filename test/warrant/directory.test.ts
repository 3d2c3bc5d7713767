import { expect, test } from 'vitest'
import { type Directory, TYP } from '#contract'
import { CLOCK_LEEWAY_S, createTrust, formatPin } from '#warrant'
import { signDocument } from '#warrant/issue'
import { keys, NOW_S, ORIGIN, organisation, stranger, trusting } from './fixtures.ts'

const code = (expected: string) => expect.objectContaining({ code: expected })
const account = (sub: string) => ({ iss: 'https://idp.example.com', sub })
const directory: Directory = {
  v: 1,
  origin: ORIGIN,
  version: 4,
  iat: NOW_S - 100,
  exp: NOW_S + 3600,
  people: [
    { id: 'olga', accounts: [account('olga'), account('olga-admin')] },
    { id: 'pavel', accounts: [account('pavel')] },
  ],
  services: [account('robot')],
}
const sign = (change: object = {}, key = keys.registry, typ: keyof typeof TYP = 'directory') =>
  signDocument(TYP[typ], { ...directory, ...change }, key)
const [olga, pavel] = directory.people as [Directory['people'][number], Directory['people'][number]]

test('trust - a directory signed by the registry key verifies, again too, and then a newer one', () => {
  const { trust } = trusting()
  expect(trust.verifyDirectory(sign())).toEqual(directory)
  expect(trust.verifyDirectory(sign()).version).toBe(4)
  expect(trust.verifyDirectory(sign({ version: 5, people: [] })).people).toEqual([])
})

test('trust - a directory that has expired is told as such, and not as if there were none', () => {
  const expired = { exp: NOW_S - 1 }
  expect(trusting().trust.verifyDirectory(sign(expired)).exp).toBe(NOW_S - 1)
})

test.each<[string, string]>([
  ['signed by the broker', sign({}, keys.broker)],
  ['signed by the policy’s key', sign({}, keys.policy)],
  ['signed by the organisation itself', sign({}, organisation)],
  ['signed by a stranger', sign({}, stranger)],
  ['signed as a registration', sign({}, keys.registry, 'registration')],
  ['of another origin', sign({ origin: 'evil.example' })],
  ['from the future', sign({ iat: NOW_S + CLOCK_LEEWAY_S + 1 })],
  ['without services', sign({ services: undefined })],
  ['with members that nobody knows', sign({ administrators: [account('eva')] })],
  ['in which a person has no account', sign({ people: [{ ...olga, accounts: [] }] })],
  ['in which an account has no issuer', sign({ people: [{ ...olga, accounts: [{ sub: 'olga' }] }] })],
  [
    'in which an account is two people’s',
    sign({ people: [olga, { ...pavel, accounts: [account('olga')] }] }),
  ],
  [
    'in which an account stands twice',
    sign({ people: [{ ...olga, accounts: [account('olga'), account('olga')] }] }),
  ],
  ['in which one person stands twice', sign({ people: [olga, { ...pavel, id: 'olga' }] })],
  ['in which a service is a person', sign({ services: [account('olga-admin')] })],
  ['in which a service stands twice', sign({ services: [account('robot'), account('robot')] })],
])('trust - a directory %s is not trusted', (_, jws) => {
  expect(() => trusting().trust.verifyDirectory(jws)).toThrow(code('UNTRUSTED'))
})

test('trust - what was refused does not count as seen', () => {
  const { trust } = trusting()
  const twice = { people: [olga, { ...pavel, id: 'olga' }] }
  expect(() => trust.verifyDirectory(sign({ version: 9, ...twice }))).toThrow(code('UNTRUSTED'))
  expect(trust.verifyDirectory(sign()).version).toBe(4)
})

test.each<[string, string]>([
  ['older than the newest seen', sign({ version: 3 })],
  ['of the same version with other people', sign({ people: [olga] })],
])('trust - a directory %s is stale', (_, jws) => {
  const { trust } = trusting()
  trust.verifyDirectory(sign())
  expect(() => trust.verifyDirectory(jws)).toThrow(code('STALE'))
})

test('trust - before a key set is adopted no directory is trusted', () => {
  const trust = createTrust({ pin: formatPin(organisation.x) }, { now: () => NOW_S * 1000 })
  expect(() => trust.verifyDirectory(sign())).toThrow(code('UNTRUSTED'))
})

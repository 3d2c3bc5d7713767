import { expect, test } from 'vitest'
import { createVerified } from '../../src/identity/verified.ts'

const bob = {
  iss: 'https://idp.example.com',
  sub: 'bob',
  name: 'Bob',
  groups: ['oidc:https://idp.example.com#group/sre'],
  assurance: 'login' as const,
  service: false,
}
const AT = 1_790_000_000_000
const HOUR = 3_600_000

test('verified - a token is remembered for a minute at most, whatever it says itself', () => {
  const verified = createVerified()
  verified.keep('token', bob, AT, AT + HOUR)
  expect(verified.find('token', AT)).toEqual(bob)
  expect(verified.find('token', AT + 59_999)).toEqual(bob)
  expect(verified.find('token', AT + 60_000)).toBeUndefined()
})

test.each([
  ['another token', 'tokem', AT],
  ['a beginning of it', 'toke', AT],
  ['an empty one', '', AT],
  ['the same one at its end', 'token', AT + 1_000],
  ['the same one after its end', 'token', AT + 1_001],
  ['the same one before it was verified', 'token', AT - 1],
])('verified - %s is not known', (_, token, nowMs) => {
  const verified = createVerified()
  verified.keep('token', bob, AT, AT + 1_000)
  expect(verified.find(token, nowMs)).toBeUndefined()
})

test('verified - whoever changes what they were told changes it for nobody else', () => {
  const verified = createVerified()
  const told = { ...bob, groups: [...bob.groups] }
  verified.keep('token', told, AT, AT + HOUR)
  told.groups.push('oidc:https://idp.example.com#group/admin')
  verified.find('token', AT)?.groups.push('oidc:https://idp.example.com#group/admin')
  expect(verified.find('token', AT)).toEqual(bob)
})

test('verified - whoever sends ever new tokens fills no memory, and only forgets the oldest', () => {
  const verified = createVerified()
  for (let nth = 0; nth <= 1_000; nth++) verified.keep(`token ${nth}`, bob, AT, AT + HOUR)
  expect(verified.find('token 0', AT)).toBeUndefined()
  expect(verified.find('token 1', AT)).toEqual(bob)
  expect(verified.find('token 1000', AT)).toEqual(bob)
})

import { expect, test } from 'vitest'
import { ALLOWED_LIFE_S, type AllowedClaims, TYP, type Typ } from '#contract'
import { CLOCK_LEEWAY_S } from '#warrant'
import { type PrivateKey, signDocument } from '#warrant/issue'
import {
  consumed,
  digest,
  keys,
  NOW_S,
  ORIGIN,
  organisation,
  stranger,
  trusting,
  withMember,
} from './fixtures.ts'

const allowed: AllowedClaims = {
  iss: ORIGIN,
  aud: 'in-process:billing',
  attempt: 'call-1',
  iat: NOW_S,
  exp: NOW_S + ALLOWED_LIFE_S,
  action_digest: digest('a'),
  rule: 'owners-only',
  policy_version: 5,
}
const expected = { aud: 'in-process:billing', attempt: 'call-1', actionDigest: digest('a') } as const

function verifyAt(
  nowS: number,
  claims: object = allowed,
  by: PrivateKey = keys.broker,
  typ: Typ = TYP.allowed,
) {
  const { trust, clock } = trusting()
  clock.nowS = nowS
  return trust.verifyAllowed(signDocument(typ, claims, by), expected)
}
const code = (wanted: string) => expect.objectContaining({ code: wanted })

test('allowance - for exactly this attempt of this action, here and now, verifies', () => {
  expect(verifyAt(NOW_S)).toEqual(allowed)
  expect(verifyAt(NOW_S + ALLOWED_LIFE_S - 1).rule).toBe('owners-only')
  expect(verifyAt(NOW_S - CLOCK_LEEWAY_S).rule).toBe('owners-only')
})

test.each([
  ['iss', 'evil.example'],
  ['aud', 'in-process:shipping'],
  ['aud', 'gateway:billing'],
  ['attempt', 'call-2'],
  ['action_digest', digest('b')],
  ['iat', NOW_S + CLOCK_LEEWAY_S + 1],
  ['exp', NOW_S + ALLOWED_LIFE_S + 1],
])('allowance - with %s %s is refused', (member, value) => {
  expect(() => verifyAt(NOW_S, withMember(allowed, member, value))).toThrow(code('WARRANT_MISMATCH'))
})

test.each(['iss', 'aud', 'attempt', 'iat', 'exp', 'action_digest', 'rule', 'policy_version'])(
  'allowance - without %s is refused',
  (member) => {
    expect(() => verifyAt(NOW_S, withMember(allowed, member, undefined))).toThrow(code('UNTRUSTED'))
  },
)

test('allowance - that has expired, or never will have begun, is refused', () => {
  expect(() => verifyAt(NOW_S + ALLOWED_LIFE_S)).toThrow(code('STALE'))
  expect(() => verifyAt(Number.NaN)).toThrow(code('STALE'))
  expect(() => verifyAt(NOW_S, { ...allowed, exp: NOW_S })).toThrow(code('STALE'))
})

test.each<[string, PrivateKey]>([
  ['the ledger key', keys.ledger],
  ['the policy key', keys.policy],
  ['the registry key', keys.registry],
  ['a witness', keys.witness],
  ['the organisation key', organisation],
  ['a stranger', stranger],
])('allowance - signed by %s is refused', (_, key) => {
  expect(() => verifyAt(NOW_S, allowed, key)).toThrow(code('UNTRUSTED'))
})

test('allowance - another document of the broker is none, and it is no other document', () => {
  for (const typ of [TYP.warrant, TYP.consumed])
    expect(() => verifyAt(NOW_S, allowed, keys.broker, typ)).toThrow(code('UNTRUSTED'))
  expect(() => verifyAt(NOW_S, consumed)).toThrow(code('UNTRUSTED'))
  const { trust } = trusting()
  const jws = signDocument(TYP.allowed, allowed, keys.broker)
  const asConsumed = {
    aud: 'in-process:billing',
    requestId: 'call-1',
    nonce: 'n'.repeat(22),
    actionDigest: digest('a'),
  } as const
  expect(() => trust.verifyConsumed(jws, asConsumed)).toThrow(code('UNTRUSTED'))
})

test('allowance - unsigned, or with a claim changed after it was signed, is refused', () => {
  const { trust } = trusting()
  const [header, , signature] = signDocument(TYP.allowed, allowed, keys.broker).split('.')
  const forged = Buffer.from(JSON.stringify({ ...allowed, attempt: 'call-1', rule: 'other' })).toString(
    'base64url',
  )
  for (const jws of ['', 'e30.e30.', `${header}.${forged}.${signature}`, `${header}.${forged}.`])
    expect(() => trust.verifyAllowed(jws, expected)).toThrow(code('UNTRUSTED'))
})

import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { TYP } from '#contract'
import { CLOCK_LEEWAY_S, createTrust, formatPin, thumbprint } from '#warrant'
import { generateKey, loadKey, signDocument } from '#warrant/issue'
import {
  consumed,
  expectedConsumed,
  expectedWarrant,
  keySet,
  keys,
  NOW_S,
  ORIGIN,
  organisation,
  policy,
  registration,
  stranger,
  trusting,
  warrant,
  withMember,
} from './fixtures.ts'

const code = (expected: string) => expect.objectContaining({ code: expected })
const signSet = (change: object = {}, key = organisation) =>
  signDocument(TYP.keySet, { ...keySet, ...change }, key)

describe('pin', () => {
  test.each([
    ['nothing', ''],
    ['no prefix', organisation.x],
    ['another algorithm', `p256:${organisation.x}`],
    ['padding', `${formatPin(organisation.x)}=`],
    ['a byte too few', formatPin(Buffer.alloc(31).toString('base64url'))],
    ['a byte too many', formatPin(Buffer.alloc(33).toString('base64url'))],
    ['hexadecimal', `ed25519:${'ab'.repeat(32)}`],
  ])('trust - a pin with %s stops the start', (_, pin) => {
    expect(() => createTrust({ pin }, { now: Date.now })).toThrow(code('INVALID_CONFIG'))
  })
})

describe('key set', () => {
  test('trust - signed by the pinned key it is adopted, and its keys are told apart by use', () => {
    const { trust } = trusting()
    expect(trust.keySet()).toEqual(keySet)
    expect(trust.keys('ledger')).toEqual([{ kid: keys.ledger.kid, use: 'ledger', x: keys.ledger.x }])
  })

  test('trust - a caller who changes what it was handed changes nothing', () => {
    const { trust } = trusting()
    const handed = trust.keySet() as typeof keySet
    handed.exp = Number.MAX_SAFE_INTEGER
    Object.assign(trust.keys('ledger')[0] as object, { x: stranger.x })
    expect(trust.keySet()).toEqual(keySet)
    expect(trust.keys('ledger')[0]?.x).toBe(keys.ledger.x)
  })

  const broker = keySet.keys[0] as (typeof keySet.keys)[number]
  // The last character of 32 bytes in base64url has two spare bits.
  const otherSpelling = broker.x.slice(0, -1) + String.fromCharCode(broker.x.charCodeAt(42) + 1)
  test.each([
    ['signed by a stranger', signSet({}, stranger)],
    [
      'signed by a stranger under the organisation’s kid',
      signSet({}, { ...stranger, kid: organisation.kid }),
    ],
    ['signed by one of its own keys', signSet({}, keys.broker)],
    ['under another type', signDocument(TYP.policy, keySet, organisation)],
    ['with an unknown member', signSet({ note: 'x' })],
    ['without keys', signSet({ keys: [] })],
    ['without a version', signSet({ version: undefined })],
    ['with version 0', signSet({ version: 0 })],
    ['with a use that there is not', signSet({ keys: [{ ...broker, use: 'root' }] })],
    ['with a kid that is not the thumbprint of its key', signSet({ keys: [{ ...broker, x: stranger.x }] })],
    [
      'with a key in another spelling',
      signSet({ keys: [{ kid: thumbprint(otherSpelling), use: 'broker', x: otherSpelling }] }),
    ],
    ['with one key for two uses', signSet({ keys: [broker, { ...broker, use: 'ledger' }] })],
    [
      'with the organisation key for daily use',
      signSet({ keys: [{ kid: organisation.kid, use: 'broker', x: organisation.x }] }),
    ],
    ['of another origin than before', signSet({ version: 4, origin: 'evil.example' })],
    ['from the future', signSet({ version: 4, iat: NOW_S + CLOCK_LEEWAY_S + 1 })],
  ])('trust - a key set %s is not trusted, and the adopted one stays', (_, jws) => {
    const { trust } = trusting()
    expect(() => trust.adoptKeySet(jws)).toThrow(code('UNTRUSTED'))
    expect(trust.keySet()).toEqual(keySet)
  })

  test.each([
    ['older than the adopted one', signSet({ version: 2 })],
    ['of the same version with other bytes', signSet({ exp: keySet.exp + 1 })],
    ['that has expired', signSet({ version: 4, exp: NOW_S - 1 })],
    ['that expires this very second', signSet({ version: 4, exp: NOW_S })],
  ])('trust - a key set %s is stale, and the adopted one stays', (_, jws) => {
    const { trust } = trusting()
    expect(() => trust.adoptKeySet(jws)).toThrow(code('STALE'))
    expect(trust.keySet()).toEqual(keySet)
  })

  test('trust - the same key set again and a newer one are adopted', () => {
    const { trust } = trusting()
    expect(trust.adoptKeySet(signSet())).toEqual(keySet)
    expect(trust.adoptKeySet(signSet({ version: 9 })).version).toBe(9)
    expect(() => trust.adoptKeySet(signSet({ version: 8 }))).toThrow(code('STALE'))
  })

  test('trust - a key that a newer key set leaves out signs nothing more', () => {
    const { trust } = trusting()
    const jws = signDocument(TYP.warrant, warrant, keys.broker)
    expect(trust.verifyWarrant(jws, expectedWarrant).jti).toBe('1-request')
    trust.adoptKeySet(signSet({ version: 4, keys: keySet.keys.filter(({ use }) => use !== 'broker') }))
    expect(() => trust.verifyWarrant(jws, expectedWarrant)).toThrow(code('UNTRUSTED'))
    expect(trust.keys('broker')).toEqual([])
  })

  const everything = (trust: ReturnType<typeof createTrust>) => [
    () => trust.verifyPolicy(signDocument(TYP.policy, { ...policy, exp: NOW_S * 2 }, keys.policy)),
    () => trust.verifyRegistration(signDocument(TYP.registration, registration, keys.registry)),
    () => trust.verifyWarrant(signDocument(TYP.warrant, warrant, keys.broker), expectedWarrant),
    () => trust.verifyConsumed(signDocument(TYP.consumed, consumed, keys.broker), expectedConsumed),
  ]

  test('trust - before a key set is adopted nothing is trusted', () => {
    const trust = createTrust({ pin: formatPin(organisation.x) }, { now: () => NOW_S * 1000 })
    for (const attempt of everything(trust)) expect(attempt).toThrow(code('UNTRUSTED'))
    expect([trust.keySet(), trust.keys('broker')]).toEqual([undefined, []])
  })

  test.each([
    ['when the key set has expired', keySet.exp],
    ['when the clock is not a number', Number.NaN],
  ])('trust - %s everything is refused', (_, nowS) => {
    const { trust, clock } = trusting()
    for (const attempt of everything(trust)) expect(attempt).not.toThrow()
    clock.nowS = nowS
    for (const attempt of everything(trust)) expect(attempt).toThrow(code('STALE'))
    expect([trust.keySet(), trust.keys('broker')]).toEqual([undefined, []])
  })
})

describe('policy', () => {
  const sign = (change: object = {}, key = keys.policy) =>
    signDocument(TYP.policy, { ...policy, ...change }, key)

  test('trust - a current policy verifies, again too, and then a newer one', () => {
    const { trust } = trusting()
    expect(trust.verifyPolicy(sign())).toEqual(policy)
    expect(trust.verifyPolicy(sign())).toEqual(policy)
    expect(trust.verifyPolicy(sign({ version: 6 })).version).toBe(6)
  })

  test.each([
    ['signed by the broker', sign({}, keys.broker)],
    ['signed by a stranger', sign({}, stranger)],
    ['under another type', signDocument(TYP.registration, policy, keys.policy)],
    ['under another type by the organisation key', signDocument(TYP.keySet, policy, organisation)],
    ['of another origin', sign({ origin: 'evil.example' })],
    ['of another origin by the organisation key', sign({ origin: 'evil.example' }, organisation)],
    ['from the future', sign({ iat: NOW_S + CLOCK_LEEWAY_S + 1 })],
    ['without a source', sign({ source: '' })],
    ['with an unknown member', sign({ observe: true })],
  ])('trust - a policy %s is not trusted', (_, jws) => {
    expect(() => trusting().trust.verifyPolicy(jws)).toThrow(code('UNTRUSTED'))
  })

  test.each([
    ['older than the newest seen', sign({ version: 4 })],
    [
      'of the same version with another content',
      sign({ source: 'holdpoint: 1\ndefaults: { effect: allow }\n' }),
    ],
    ['that has expired', sign({ version: 6, exp: NOW_S })],
  ])('trust - a policy %s is stale', (_, jws) => {
    const { trust } = trusting()
    trust.verifyPolicy(sign())
    expect(() => trust.verifyPolicy(jws)).toThrow(code('STALE'))
  })

  test('trust - the organisation key signs a policy by itself, and it is said who did', () => {
    const { trust } = trusting()
    expect(trust.openPolicy(sign())).toEqual({ document: policy, signedBy: 'policy' })
    expect(trust.openPolicy(sign({ version: 6 }, organisation))).toEqual({
      document: { ...policy, version: 6 },
      signedBy: 'organisation',
    })
    expect(trust.verifyPolicy(sign({ version: 6 }, organisation)).version).toBe(6)
    expect(() => trust.verifyPolicy(sign({ version: 5 }, organisation))).toThrow(code('STALE'))
  })

  test('trust - a policy that was only opened stands in no other one’s way', () => {
    const { trust } = trusting()
    trust.openPolicy(sign({ version: 900 }))
    expect(trust.verifyPolicy(sign()).version).toBe(5)
    expect(() => trust.openPolicy(sign({ version: 6, exp: NOW_S }))).toThrow(code('STALE'))
  })

  test('trust - an older policy stays refused after a newer key set', () => {
    const { trust } = trusting()
    trust.verifyPolicy(sign())
    trust.adoptKeySet(signSet({ version: 4 }))
    expect(() => trust.verifyPolicy(sign({ version: 4 }))).toThrow(code('STALE'))
  })
})

describe('registration', () => {
  const sign = (document: object, key = keys.registry) => signDocument(TYP.registration, document, key)
  const changed = (path: string, value: unknown) => sign(withMember(registration, path, value))

  test('trust - a registration verifies; versions of one agent say nothing of another', () => {
    const { trust } = trusting()
    expect(trust.verifyRegistration(sign(registration))).toEqual(registration)
    const other = withMember({ ...registration, version: 1 }, 'agent.sub', 'shipping')
    expect(trust.verifyRegistration(sign(other)).version).toBe(1)
  })

  test.each([
    ['signed by the broker', sign(registration, keys.broker)],
    ['of an agent of another issuer', changed('agent.iss', 'evil.example')],
    ['with an enforcement that there is not', changed('enforcement', 'nowhere')],
    ['without an owner', changed('owner', undefined)],
    ['from the future', changed('iat', NOW_S + CLOCK_LEEWAY_S + 1)],
  ])('trust - a registration %s is not trusted', (_, jws) => {
    expect(() => trusting().trust.verifyRegistration(jws)).toThrow(code('UNTRUSTED'))
  })

  test.each([
    ['older than the newest seen', changed('version', 1)],
    ['of the same version with another owner', changed('owner.sub', 'eva')],
  ])('trust - a registration %s is stale', (_, jws) => {
    const { trust } = trusting()
    trust.verifyRegistration(sign(registration))
    expect(() => trust.verifyRegistration(jws)).toThrow(code('STALE'))
  })
})

describe('keys', () => {
  test('issue - RFC 8037, appendix A: key, thumbprint and signature of the published example', () => {
    const key = loadKey('nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A')
    expect(key.x).toBe('11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo')
    expect(key.kid).toBe('kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k')
    expect(
      Buffer.from(key.sign('eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc')).toString('base64url'),
    ).toBe('hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg')
  })

  test('issue - printed or serialised, a key does not show its seed', () => {
    const { seed } = generateKey()
    const key = loadKey(seed)
    expect(JSON.parse(JSON.stringify(key))).toEqual({ kid: key.kid, x: key.x })
    const shown = [JSON.stringify(key), inspect(key, { depth: 9, showHidden: true }), String(key)].join()
    for (const encoding of ['base64url', 'base64', 'hex'] as const)
      expect(shown).not.toContain(Buffer.from(seed, 'base64url').toString(encoding))
  })

  test.each(['', 'short', `${generateKey().seed}=`, `${generateKey().seed}AA`, `${ORIGIN} `])(
    'issue - the seed %j is refused, and not repeated',
    (seed) => {
      expect(() => loadKey(seed)).toThrow('signing key: expected a seed of 32 bytes in base64url')
    },
  )
})

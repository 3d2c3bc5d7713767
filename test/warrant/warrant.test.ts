import { describe, expect, test } from 'vitest'
import { TYP, WARRANT_LIFE_S } from '#contract'
import { CLOCK_LEEWAY_S } from '#warrant'
import { signDocument } from '#warrant/issue'
import {
  consumed,
  digest,
  expectedConsumed,
  expectedWarrant,
  keys,
  NOW_S,
  ORIGIN,
  trusting,
  warrant,
  withMember,
} from './fixtures.ts'

const code = (expected: string) => expect.objectContaining({ code: expected })
const verifyAt = (
  claims: object,
  nowS = NOW_S,
  expected: Parameters<ReturnType<typeof trusting>['trust']['verifyWarrant']>[1] = expectedWarrant,
) => {
  const { trust, clock } = trusting()
  clock.nowS = nowS
  return trust.verifyWarrant(signDocument(TYP.warrant, claims, keys.broker), expected)
}
const [bea, dan] = warrant.hp.approvals

describe('warrant', () => {
  test('warrant - that covers exactly this action, here and now, verifies', () => {
    expect(verifyAt(warrant)).toEqual(warrant)
    expect(verifyAt(warrant, NOW_S + 299).jti).toBe('1-request')
    expect(verifyAt(warrant, NOW_S - CLOCK_LEEWAY_S).jti).toBe('1-request')
    expect(verifyAt(withMember(warrant, 'hp.ledger.origin', `${ORIGIN}/2`)).hp.ledger.index).toBe(41)
  })

  test('warrant - without a precondition verifies where none is expected', () => {
    const claims = withMember(warrant, 'authorization_details.0.precondition', undefined)
    const { precondition: _, ...expected } = expectedWarrant
    expect(verifyAt(claims, NOW_S, expected)).toEqual(claims)
  })

  test.each([
    ['iss', 'evil.example'],
    ['aud', 'in-process:shipping'],
    ['aud', 'gateway:billing'],
    ['act.iss', 'evil.example'],
    ['jti', '1-other'],
    ['txn', '1-other'],
    ['authorization_details.0.action_digest', digest('b')],
    ['authorization_details.0.precondition', 'etag-2'],
    ['authorization_details.0.precondition', ''],
    ['authorization_details.0.precondition', undefined],
    ['hp.runtime.trace_id', '3'.repeat(32)],
    ['hp.runtime.span_id', '3'.repeat(16)],
    ['hp.ledger.origin', 'evil.example'],
    ['hp.ledger.origin', `${ORIGIN}x`],
    ['hp.approvals', [bea, bea]],
    ['hp.approvals', [bea, dan, { ...bea, name: 'Another name', channel: 'slack' }]],
    ['hp.approvals', [{ ...bea, iss: ORIGIN, sub: 'billing' }]],
    ['nbf', NOW_S + CLOCK_LEEWAY_S + 1],
    ['iat', NOW_S + CLOCK_LEEWAY_S + 1],
    ['exp', NOW_S + WARRANT_LIFE_S + 1],
    ['iat', NOW_S - 1],
  ])('warrant - with %s %j is for something else', (path, value) => {
    expect(() => verifyAt(withMember(warrant, path, value))).toThrow(code('WARRANT_MISMATCH'))
  })

  test.each([
    ['aud', { aud: 'in-process:shipping' }],
    ['requestId', { requestId: '1-other' }],
    ['actionDigest', { actionDigest: digest('b') }],
    ['trace id', { trace: { ...expectedWarrant.trace, traceId: '3'.repeat(32) } }],
    ['span id', { trace: { ...expectedWarrant.trace, spanId: '3'.repeat(16) } }],
    ['precondition', { precondition: 'etag-2' }],
  ] as const)('warrant - where another %s is expected is for something else', (_, change) => {
    expect(() => verifyAt(warrant, NOW_S, { ...expectedWarrant, ...change })).toThrow(
      code('WARRANT_MISMATCH'),
    )
  })

  test('warrant - where no precondition is expected is for something else when it has one', () => {
    const { precondition: _, ...expected } = expectedWarrant
    expect(() => verifyAt(warrant, NOW_S, expected)).toThrow(code('WARRANT_MISMATCH'))
  })

  test.each([NOW_S + 300, NOW_S + 301, NOW_S + 80_000])('warrant - at %d has expired', (nowS) => {
    expect(() => verifyAt(warrant, nowS)).toThrow(code('STALE'))
  })

  test('warrant - that expires before it was issued is for no time at all', () => {
    const claims = { ...warrant, iat: NOW_S + 20, nbf: NOW_S + 20, exp: NOW_S + 10 }
    expect(() => verifyAt(claims)).toThrow(code('WARRANT_MISMATCH'))
  })

  test.each([
    ['hp.decision', 'denied'],
    ['hp.v', 2],
    ['hp.approvals', []],
    ['hp.approvals.0.assurance', 'admin'],
    ['hp.approvals.0.evidence', 'none'],
    ['hp.ledger', undefined],
    ['hp.runtime.trace_id', 'A'.repeat(32)],
    ['hp.admin', true],
    ['authorization_details', []],
    ['authorization_details', [warrant.authorization_details[0], warrant.authorization_details[0]]],
    ['authorization_details.0.type', 'payment'],
    ['authorization_details.0.actions', ['export', 'delete']],
    ['aud', ['in-process:billing', 'gateway:billing']],
    ['aud', 'anywhere:billing'],
    ['exp', String(NOW_S + 300)],
    ['exp', undefined],
    ['iat', NOW_S + 0.5],
    ['nbf', -1],
    ['cnf', { jkt: 'x' }],
  ])('warrant - with %s %j has no shape of ours', (path, value) => {
    expect(() => verifyAt(withMember(warrant, path, value))).toThrow(code('UNTRUSTED'))
  })

  test('warrant - a consume answer is none, and the other way round', () => {
    const { trust } = trusting()
    const warrantJws = signDocument(TYP.warrant, warrant, keys.broker)
    const consumedJws = signDocument(TYP.consumed, consumed, keys.broker)
    expect(() => trust.verifyWarrant(consumedJws, expectedWarrant)).toThrow(code('UNTRUSTED'))
    expect(() => trust.verifyConsumed(warrantJws, expectedConsumed)).toThrow(code('UNTRUSTED'))
  })
})

describe('consume answer', () => {
  const verify = (claims: object, nowS = NOW_S, expected = expectedConsumed) => {
    const { trust, clock } = trusting()
    clock.nowS = nowS
    return trust.verifyConsumed(signDocument(TYP.consumed, claims, keys.broker), expected)
  }

  test('consumed - to this very call verifies', () => {
    expect(verify(consumed)).toEqual(consumed)
  })

  test.each([
    ['iss', 'evil.example'],
    ['aud', 'in-process:shipping'],
    ['jti', '1-other'],
    ['nonce', 'o'.repeat(22)],
    ['action_digest', digest('b')],
    ['ledger.origin', 'evil.example'],
    ['iat', NOW_S + CLOCK_LEEWAY_S + 1],
    ['exp', NOW_S + WARRANT_LIFE_S + 1],
  ])('consumed - with %s %j is the answer to another call', (path, value) => {
    expect(() => verify(withMember(consumed, path, value))).toThrow(code('WARRANT_MISMATCH'))
  })

  test.each([
    ['nonce', 'short'],
    ['nonce', undefined],
    ['trace', undefined],
    ['ledger.index', -1],
    ['spend', 'lapsed'],
  ])('consumed - with %s %j has no shape of ours', (path, value) => {
    expect(() => verify(withMember(consumed, path, value))).toThrow(code('UNTRUSTED'))
  })

  test('consumed - an old answer has expired', () => {
    expect(() => verify(consumed, NOW_S + 60)).toThrow(code('STALE'))
  })
})

import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalize, TYP } from '#contract'
import { signDocument } from '#warrant/issue'
import { createVerifyKey } from '../../src/warrant/key.ts'
import { describeVectors, readJsonVector } from '../support/vectors.ts'
import { expectedWarrant, headerOf, keys, signRaw, stranger, trusting, warrant } from './fixtures.ts'

const jws = signDocument(TYP.warrant, warrant, keys.broker)
const [header, payload, signature] = jws.split('.') as [string, string, string]
const { trust } = trusting()
const verify = (attempt: string) => trust.verifyWarrant(attempt, expectedWarrant)
const untrusted = expect.objectContaining({ code: 'UNTRUSTED' })
const signWith = (change: object) =>
  signRaw({ ...headerOf(TYP.warrant, keys.broker), ...change }, warrant, keys.broker)
const base64url = (text: string) => Buffer.from(text).toString('base64url')

describe('jws', () => {
  test('jws - the signed document verifies, and says what was signed', () => {
    expect(verify(jws)).toEqual(warrant)
    expect(signRaw(headerOf(TYP.warrant, keys.broker), warrant, keys.broker)).toBe(jws)
  })

  const { kid, x } = keys.broker
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: stranger.x }
  const macSigned = (secret: string | Buffer) => {
    const signed = `${base64url(canonicalize({ alg: 'HS256', typ: TYP.warrant, kid }))}.${payload}`
    return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
  }
  test.each([
    ['alg none', `${base64url(canonicalize({ alg: 'none', typ: TYP.warrant, kid }))}.${payload}.`],
    ['alg none and our signature', signWith({ alg: 'none' })],
    ['alg NONE', signWith({ alg: 'NONE' })],
    ['alg HS256 with the public key’s text as its secret', macSigned(x)],
    ['alg HS256 with the public key’s bytes as its secret', macSigned(Buffer.from(x, 'base64url'))],
    ['alg Ed25519, another name for ours', signWith({ alg: 'Ed25519' })],
    ['alg ES256', signWith({ alg: 'ES256' })],
    ['alg in other case', signWith({ alg: 'eddsa' })],
    ['alg as a list', signWith({ alg: ['EdDSA'] })],
    ['no alg', signWith({ alg: undefined })],
    ['no typ', signWith({ typ: undefined })],
    ['typ of a consume answer', signWith({ typ: TYP.consumed })],
    ['typ JWT', signWith({ typ: 'JWT' })],
    ['typ in other case', signWith({ typ: TYP.warrant.toUpperCase() })],
    ['typ with its media type prefix', signWith({ typ: `application/${TYP.warrant}` })],
    ['no kid', signWith({ kid: undefined })],
    ['an empty kid', signWith({ kid: '' })],
    ['a kid that is no text', signWith({ kid: 7 })],
    ['a kid that every object has', signWith({ kid: '__proto__' })],
    ['a stranger’s key and kid', signDocument(TYP.warrant, warrant, stranger)],
    ['a stranger’s key under our kid', signDocument(TYP.warrant, warrant, { ...stranger, kid })],
    ['a stranger’s key in jwk', signRaw({ ...headerOf(TYP.warrant, keys.broker), jwk }, warrant, stranger)],
    ['our key in jwk', signWith({ jwk: { ...jwk, x } })],
    ['jku', signWith({ jku: 'https://evil.example/jwks' })],
    ['x5u', signWith({ x5u: 'https://evil.example/cert' })],
    ['x5c', signWith({ x5c: [] })],
    ['crit', signWith({ crit: ['exp'] })],
    ['an empty crit', signWith({ crit: [] })],
    ['b64 false', signWith({ b64: false, crit: ['b64'] })],
    ['zip', signWith({ zip: 'DEF' })],
    ['an unknown header', signWith({ note: 'harmless' })],
    [
      'alg twice',
      signRaw(`{"alg":"none","alg":"EdDSA","kid":"${kid}","typ":"${TYP.warrant}"}`, warrant, keys.broker),
    ],
    [
      'alg twice, once escaped',
      signRaw(
        `{"alg":"EdDSA","\\u0061lg":"EdDSA","kid":"${kid}","typ":"${TYP.warrant}"}`,
        warrant,
        keys.broker,
      ),
    ],
    ['a header that is a list', signRaw('["EdDSA"]', warrant, keys.broker)],
    ['a header that is no JSON', signRaw('alg=EdDSA', warrant, keys.broker)],
    ['the ledger’s key', signDocument(TYP.warrant, warrant, keys.ledger)],
    ['the policy’s key', signDocument(TYP.warrant, warrant, keys.policy)],
    ['the registry’s key', signDocument(TYP.warrant, warrant, keys.registry)],
    ['a witness’s key', signDocument(TYP.warrant, warrant, keys.witness)],
    ['a payload that is no JSON', signRaw(headerOf(TYP.warrant, keys.broker), 'approved', keys.broker)],
    ['an empty payload', signRaw(headerOf(TYP.warrant, keys.broker), '', keys.broker)],
    [
      'a payload with a claim twice',
      signRaw(
        headerOf(TYP.warrant, keys.broker),
        canonicalize(warrant).replace('{', '{"aud":"gateway:x",'),
        keys.broker,
      ),
    ],
    [
      'a payload after a byte order mark',
      signRaw(headerOf(TYP.warrant, keys.broker), `\ufeff${canonicalize(warrant)}`, keys.broker),
    ],
    ['a payload that is another document', signDocument(TYP.warrant, { v: 1 }, keys.broker)],
  ])('jws - with %s is refused', (_, attempt) => {
    expect(() => verify(attempt)).toThrow(untrusted)
  })

  const padded = (part: string) => part + '='.repeat((4 - (part.length % 4)) % 4)
  const otherAlphabet = (part: string) => part.replaceAll('-', '+').replaceAll('_', '/')
  const lastBit =
    signature.slice(0, -1) +
    'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'[
      'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'.indexOf(signature.at(-1) as string) ^
        1
    ]
  test.each([
    ['nothing', ''],
    ['one part', header],
    ['two parts', `${header}.${payload}`],
    ['an empty signature', `${header}.${payload}.`],
    ['an empty header', `.${payload}.${signature}`],
    ['an empty part at the end', `${jws}.`],
    ['a fourth part', `${jws}.${signature}`],
    ['header and payload swapped', `${payload}.${header}.${signature}`],
    ['payload and signature swapped', `${header}.${signature}.${payload}`],
    ['the signature cut short', jws.slice(0, -2)],
    ['the signature made longer', `${jws}AA`],
    ['a signature of zeros', `${header}.${payload}.${Buffer.alloc(64).toString('base64url')}`],
    ['the other spelling of the signature’s last byte', `${header}.${payload}.${lastBit}`],
    ['padding', `${header}.${payload}.${padded(signature)}`],
    ['a space before', ` ${jws}`],
    ['an end of line after', `${jws}\n`],
    ['a space inside', `${header}. ${payload}.${signature}`],
    ['a NUL', `${header}.${payload}.${signature}\0`],
    ['JSON serialization', JSON.stringify({ protected: header, payload, signature })],
    ['JSON flattened in a list', JSON.stringify({ payload, signatures: [{ protected: header, signature }] })],
  ])('jws - %s is refused', (_, attempt) => {
    expect(attempt).not.toBe(jws)
    expect(() => verify(attempt)).toThrow(untrusted)
  })

  test('jws - the other base64 alphabet is refused', () => {
    // Not every signature has one of the two characters that differ.
    const documents = Array.from({ length: 20 }, (_, index) => ({ ...warrant, sub: `carl-${index}` }))
    const signed = documents.map((one) => signDocument(TYP.warrant, one, keys.broker))
    const changed = signed.filter((one) => otherAlphabet(one) !== one)
    expect(changed.length).toBeGreaterThan(0)
    for (const one of changed) expect(() => verify(otherAlphabet(one))).toThrow(untrusted)
  })

  test.each([undefined, null, 7, {}, [jws], Buffer.from(jws)])(
    'jws - %s instead of a text is refused',
    (attempt) => {
      expect(() => verify(attempt as string)).toThrow(untrusted)
    },
  )

  test('jws - no change of a single character goes unnoticed', () => {
    fc.assert(
      fc.property(fc.nat(jws.length - 1), fc.constantFrom(...'AZaz09-_=. \n~é'), (at, char) => {
        fc.pre(jws[at] !== char)
        expect(() => verify(jws.slice(0, at) + char + jws.slice(at + 1))).toThrow(untrusted)
      }),
      { numRuns: 300 },
    )
  })

  test('jws - signatures are checked before claims', () => {
    const wrongClaims = { ...warrant, aud: 'gateway:elsewhere', exp: 1, jti: 'other' }
    expect(() => verify(signDocument(TYP.warrant, wrongClaims, keys.broker))).toThrow(
      expect.objectContaining({ code: 'STALE' }),
    )
    expect(() => verify(signDocument(TYP.warrant, wrongClaims, { ...stranger, kid }))).toThrow(
      /signature is wrong/,
    )
    const nonsense = signDocument(TYP.warrant, { not: 'a warrant' }, { ...stranger, kid })
    expect(() => verify(nonsense)).toThrow(/signature is wrong/)
  })
})

interface Ed25519Vectors {
  testGroups: {
    publicKey: { pk: string }
    tests: { tcId: number; comment: string; msg: string; sig: string; result: string }[]
  }[]
}
interface JwsVectors {
  testGroups: { comment: string; tests: { tcId: number; comment: string; jws: unknown; result: string }[] }[]
}

describeVectors('Wycheproof', () => {
  const cases = readJsonVector<Ed25519Vectors>('wycheproof/ed25519_test.json').testGroups.flatMap((group) =>
    group.tests.map((one) => ({ ...one, x: Buffer.from(group.publicKey.pk, 'hex').toString('base64url') })),
  )

  test('jws - Ed25519: all 151 vectors', () => {
    expect(cases.length).toBe(151)
    const wrong = cases.filter(({ x, msg, sig, result }) => {
      const verified = createVerifyKey(x).verify(Buffer.from(msg, 'hex'), Buffer.from(sig, 'hex'))
      return verified !== (result === 'valid')
    })
    expect(wrong).toEqual([])
  })

  const groups = readJsonVector<JwsVectors>('wycheproof/json_web_signature_test.json').testGroups
  const all = groups.flatMap((group) => group.tests)

  test('jws - all 401 JWS vectors are refused: none is of our algorithm, whatever its signature is worth', () => {
    expect(all.length).toBe(401)
    for (const { jws: attempt } of all) expect(() => verify(attempt as string)).toThrow(untrusted)
  })

  // The vectors of the first group, part by part, on a document of ours.
  const [valid, ...invalid] = groups[0]?.tests ?? []
  const theirs = String(valid?.jws)
  const [theirHeader = '', theirPayload = '', theirSignature = ''] = theirs.split('.')
  const transpose = (text: string) =>
    text.replace(theirHeader, header).replace(theirSignature, signature).replace(theirPayload, payload)

  test('jws - the vector that is valid, transposed to our algorithm, verifies', () => {
    expect(verify(transpose(theirs))).toEqual(warrant)
  })

  test.each(invalid)('jws - transposed to our algorithm, $comment', ({ jws: attempt }) => {
    const ours = typeof attempt === 'string' ? transpose(attempt) : JSON.stringify(attempt)
    expect(() => verify(ours)).toThrow(untrusted)
  })
})

import { describe, expect, test } from 'vitest'
import { encodeEntry, type TrustedKey } from '#contract'
import { formatCheckpoint, leafHash, rootOf, signCheckpoint, verifyCheckpoint, verifyLedger } from '#ledger'
import { generateKey, loadKey } from '#warrant/issue'
import { history } from './entries.ts'

const ORIGIN = 'example.com/holdpoint'
const ours = loadKey(generateKey().seed)
const theirs = loadKey(generateKey().seed)
const trusted = ({ kid, x }: { kid: string; x: string }, use: TrustedKey['use'] = 'ledger'): TrustedKey => ({
  kid,
  use,
  x,
})
const signer = (key = ours, name = ORIGIN) => ({ name, x: key.x, sign: key.sign })
const leaves = history(7).map(encodeEntry)
const root = rootOf(leaves.map(leafHash))
const text = formatCheckpoint({ origin: ORIGIN, size: 7, root })
const note = signCheckpoint(text, signer())
const check = (signed: string, keys = [trusted(ours)], origin = ORIGIN) =>
  verifyCheckpoint(signed, { origin, keys })
const code = (expected: string) => expect.objectContaining({ code: expected })

describe('checkpoint', () => {
  test('checkpoint - is three lines and a signature line, as C2SP writes them', () => {
    const [origin, size, encoded, empty, signature, end] = note.split('\n')
    expect([origin, size, empty, end]).toEqual([ORIGIN, '7', '', ''])
    expect(Buffer.from(encoded as string, 'base64')).toEqual(Buffer.from(root))
    expect(signature).toMatch(/^— example\.com\/holdpoint [A-Za-z0-9+/]+={0,2}$/)
    expect(Buffer.from((signature as string).split(' ')[2] as string, 'base64').length).toBe(4 + 64)
  })

  test('checkpoint - reads as the note that the Go implementation publishes as its example', () => {
    // golang.org/x/mod/sumdb/note: the documented key and note of "PeterNeumann".
    const x = Buffer.from('ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW', 'base64')
      .subarray(1)
      .toString('base64url')
    const key = { kid: 'peter', use: 'ledger' as const, x }
    const example =
      "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n" +
      '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n'
    // Its signature is ours to accept; its text is no checkpoint, which is found out only afterwards.
    expect(() => check(example, [key], 'PeterNeumann')).toThrow(/origin "If you think/)
    expect(() => check(example.replace('answer', 'bnswer'), [key], 'PeterNeumann')).toThrow(
      /signature of PeterNeumann is wrong/,
    )
  })

  test('checkpoint - signed by one of our ledger keys it is accepted, among strangers too', () => {
    expect(check(note)).toEqual({ origin: ORIGIN, size: 7, root: Buffer.from(root) })
    const witnessed = note + signCheckpoint(text, signer(theirs, 'witness.example.org')).split('\n\n')[1]
    expect(check(witnessed).size).toBe(7)
    const rotated = note + signCheckpoint(text, signer(theirs)).split('\n\n')[1]
    expect(check(rotated, [trusted(theirs), trusted(ours)]).size).toBe(7)
  })

  test('checkpoint - of an empty ledger has size 0', () => {
    const empty = signCheckpoint(formatCheckpoint({ origin: ORIGIN, size: 0, root: rootOf([]) }), signer())
    expect(check(empty).size).toBe(0)
  })

  const wronglySigned = `${text}\n${signCheckpoint(text.replace('7', '8'), signer()).split('\n\n')[1]}`
  test.each([
    ['no key at all', () => check(note, [])],
    ['a stranger’s key', () => check(note, [trusted(theirs)])],
    ['our key, kept for another use', () => check(note, [trusted(ours, 'broker')])],
    ['a signature over another text', () => check(wronglySigned)],
    ['a wrong signature of ours beside a right one', () => check(note + wronglySigned.split('\n\n')[1])],
    ['another size', () => check(note.replace('\n7\n', '\n8\n'))],
    [
      'another origin under our name',
      () => check(signCheckpoint(text.replace(ORIGIN, 'evil.example'), signer())),
    ],
    ['another log’s name', () => check(signCheckpoint(text, signer(ours, 'evil.example')))],
    ['an origin that we do not expect', () => check(note, [trusted(ours)], 'example.com/other')],
  ])('checkpoint - with %s is not trusted', (_, attempt) => {
    expect(attempt).toThrow(code('UNTRUSTED'))
  })

  const signed = (body: string) => signCheckpoint(body, signer())
  const line = note.split('\n\n')[1] as string
  test.each([
    ['nothing', ''],
    ['no signature', text],
    ['no empty line', text + line],
    ['no end of line after the signature', note.slice(0, -1)],
    ['a signature in padding that is missing', note.replace(/=+\n$/, '\n')],
    ['a hyphen for the dash', note.replace('—', '-')],
    ['two spaces', note.replace('— ', '—  ')],
    ['words after the signature', note.replace(/\n$/, ' x\n')],
    ['a carriage return', note.replaceAll('\n', '\r\n')],
    ['a size with a leading zero', signed(text.replace('7', '07'))],
    ['a size with a sign', signed(text.replace('7', '+7'))],
    ['a size in hexadecimal', signed(text.replace('7', '0x7'))],
    ['no size', signed(text.replace('7', ''))],
    ['a size beyond 2^53', signed(text.replace('7', '9007199254740993'))],
    ['a root that is too short', signed(`${ORIGIN}\n7\nAAAA\n`)],
    ['a root in base64url', signed(`${ORIGIN}\n7\n${Buffer.alloc(32, 0xff).toString('base64url')}\n`)],
    ['a further line', signed(`${text}extension\n`)],
    ['two lines', signed(`${ORIGIN}\n7\n`)],
  ])('checkpoint - with %s is malformed', (_, note) => {
    expect(() => check(note)).toThrow(code('LEDGER_CORRUPT'))
  })

  test('checkpoint - what could not be read back is not written', () => {
    for (const wrong of [
      { origin: 'two words' },
      { origin: '' },
      { size: -1 },
      { size: 1.5 },
      { root: root.subarray(1) },
    ])
      expect(() => formatCheckpoint({ origin: ORIGIN, size: 7, root, ...wrong })).toThrow(
        code('INVALID_INPUT'),
      )
    expect(() => signCheckpoint('no end of line', signer())).toThrow(code('INVALID_INPUT'))
    expect(() => signCheckpoint(text, signer(ours, 'a+b'))).toThrow(code('INVALID_INPUT'))
  })
})

describe('whole ledger', () => {
  const verify = (these: Iterable<string>, checkpoint = note) =>
    verifyLedger({ leaves: these, checkpoint, origin: ORIGIN, keys: [trusted(ours)] })

  test('ledger - the leaves of its checkpoint verify', () => {
    expect(verify(leaves)).toEqual({ size: 7, root: Buffer.from(root).toString('base64'), verified: true })
  })

  const entries = history(7)
  const noEntry = leaves.with(2, '{"a":1}')
  test.each([
    ['a leaf too few', leaves.slice(0, 6)],
    ['a leaf too many', [...leaves, leaves[0] as string]],
    ['two leaves swapped', [leaves[1], leaves[0], ...leaves.slice(2)] as string[]],
    ['a decision turned round', leaves.with(1, (leaves[1] as string).replace('"approved"', '"denied"'))],
    ['another person', leaves.with(1, (leaves[1] as string).replace('"bea"', '"eva"'))],
    ['another time', leaves.with(3, encodeEntry({ ...entries[3], at: 1 } as (typeof entries)[number]))],
    ['a space', leaves.with(2, ` ${leaves[2]}`)],
    ['nothing', []],
  ])('ledger - with %s it is corrupt', (_, these) => {
    expect(() => verify(these)).toThrow(code('LEDGER_CORRUPT'))
  })

  test('ledger - a leaf that is no entry is corrupt even where the checkpoint covers it', () => {
    const size = noEntry.length
    const covered = formatCheckpoint({ origin: ORIGIN, size, root: rootOf(noEntry.map(leafHash)) })
    expect(() => verify(noEntry, signCheckpoint(covered, signer()))).toThrow(/leaf 2/)
  })

  test('ledger - a checkpoint that we did not sign is not trusted, whatever the leaves', () => {
    expect(() => verify(leaves, signCheckpoint(text, signer(theirs)))).toThrow(code('UNTRUSTED'))
  })
})

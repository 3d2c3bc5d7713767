import { describe, expect, test } from 'vitest'
import {
  canonicalize,
  DECISIONS,
  type Digest,
  decodeEntry,
  encodeEntry,
  type LedgerEntry,
  type LedgerEntryType,
  parseJson,
} from '#contract'

const digest = (digit: string): Digest => `sha-256:${digit.repeat(64)}`
const base = { at: 1_790_000_000_000, requestId: '1-request', actionDigest: digest('a') }
const trace = { traceId: '1'.repeat(32), spanId: '2'.repeat(16) }
const reviewer = {
  iss: 'https://idp.example.com',
  sub: 'bea',
  name: 'Béa "B" \u202e',
  assurance: 'step-up' as const,
  channel: 'cli',
  acr: 'mfa',
  amr: ['pwd', 'otp'],
  authTime: 1_790_000_000,
  evidence: digest('e'),
}

const entries: Record<LedgerEntryType, LedgerEntry> = {
  requested: {
    type: 'requested',
    ...base,
    agent: { iss: 'example.com/holdpoint', sub: 'billing', name: 'Billing' },
    owner: { iss: 'https://idp.example.com', sub: 'olga' },
    environment: 'prod',
    enforcement: 'in-process:billing',
    onBehalfOf: [{ iss: 'https://idp.example.com', sub: 'carl' }],
    kind: 'tool',
    name: 'export_customers',
    target: 'crm',
    process: 'process-1',
    trace,
    ruling: { effect: 'hold', rule: 'export', policyVersion: 3, policyHash: digest('b'), risk: 'high' },
    approvals: { from: ['sre'], threshold: 2, assurance: 'login' },
    expiresAt: 1_790_000_900_000,
    validForMs: 300_000,
    renderHash: digest('c'),
  },
  review: {
    type: 'review',
    ...base,
    reviewer,
    verdict: 'approve',
    renderHash: digest('c'),
    reasonDigest: digest('d'),
  },
  decided: { type: 'decided', ...base, decision: 'approved', by: [reviewer], reasonDigest: digest('d') },
  spent: { type: 'spent', ...base, spend: 'consumed', nonce: 'n'.repeat(22), trace },
  outcome: { type: 'outcome', ...base, outcome: 'failed', errorType: 'TypeError' },
  policy: { type: 'policy', at: base.at, version: 3, hash: digest('b'), observes: true },
  directory: { type: 'directory', at: base.at, version: 2, hash: digest('e') },
  erased: { type: 'erased', ...base, by: reviewer },
  freeze: { type: 'freeze', at: base.at, agent: 'billing', turn: 1, frozen: true, by: reviewer },
  continued: { type: 'continued', at: base.at, epoch: 1, size: 5, root: digest('f') },
}
const { iss, sub, name, channel, evidence } = reviewer
const chatReviewer = { iss, sub, name, channel, evidence }
const invalid = expect.objectContaining({ code: 'INVALID_INPUT' })

describe('ledger entries', () => {
  test.each(Object.entries(entries))(
    'entry - %s reads back as it was written, from canonical bytes',
    (_, entry) => {
      const bytes = encodeEntry(entry)
      expect(decodeEntry(bytes)).toEqual(entry)
      expect(canonicalize(parseJson(bytes))).toBe(bytes)
    },
  )

  test('entry - is an in-toto statement about the request and its action', () => {
    expect(parseJson(encodeEntry(entries.outcome))).toEqual({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: '1-request', digest: { sha256: 'a'.repeat(64) } }],
      predicateType: 'https://holdpoint.dev/ledger/v1/outcome',
      predicate: { at: base.at, outcome: 'failed', errorType: 'TypeError' },
    })
    expect(parseJson(encodeEntry(entries.policy))).toMatchObject({
      subject: [{ name: 'policy/3', digest: { sha256: 'b'.repeat(64) } }],
    })
  })

  test('entry - every decision can be written', () => {
    for (const decision of DECISIONS) {
      const entry: LedgerEntry = { type: 'decided', ...base, decision, by: [] }
      expect(decodeEntry(encodeEntry(entry))).toEqual(entry)
    }
  })

  test.each<[string, LedgerEntry]>([
    [
      'a review with what was shown',
      { ...entries.review, reviewer: { ...reviewer, rendition: digest('f') } },
    ],
    [
      'a review in a chat, without claims of a token',
      { ...entries.review, reviewer: { ...chatReviewer, assurance: 'chat' } },
    ],
    ['a cancellation by a person', { type: 'decided', ...base, decision: 'cancelled', by: [reviewer] }],
    ['an approval taken back by a person', { type: 'spent', ...base, spend: 'revoked', by: reviewer }],
    ['one taken back by its process', { type: 'spent', ...base, spend: 'revoked' }],
  ] as [string, LedgerEntry][])('entry - %s reads back as it was written', (_, entry) => {
    expect(decodeEntry(encodeEntry(entry))).toEqual(entry)
  })

  const decided = encodeEntry(entries.decided)
  const revoked = encodeEntry({ type: 'spent', ...base, spend: 'revoked', by: reviewer })
  const policy = encodeEntry(entries.policy)
  const statement = (change: object) => canonicalize({ ...(JSON.parse(decided) as object), ...change })
  const predicate = (change: object, of = decided) => {
    const whole = JSON.parse(of) as { predicate: object }
    return canonicalize({ ...whole, predicate: { ...whole.predicate, ...change } })
  }
  const subject = (JSON.parse(decided) as { subject: object[] }).subject
  test.each([
    ['white space', `${decided} `],
    [
      'keys in another order',
      JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(decided)).reverse())),
    ],
    ['an escape that is not needed', decided.replace('approved', '\\u0061pproved')],
    ['a number in another spelling', decided.replace('1790000000000', '1.79e12')],
    ['a key twice', decided.replace('{"_type"', '{"_type":"x","_type"')],
    ['another statement type', statement({ _type: 'https://in-toto.io/Statement/v0.1' })],
    ['an unknown member', statement({ note: 1 })],
    ['no subject', statement({ subject: [] })],
    ['two subjects', statement({ subject: [...subject, ...subject] })],
    [
      'another digest algorithm',
      statement({ subject: [{ name: '1-request', digest: { sha512: 'a'.repeat(64) } }] }),
    ],
    ['a digest in upper case', decided.replace('a'.repeat(64), 'A'.repeat(64))],
    ['the type without its prefix', statement({ predicateType: 'decided' })],
    ['a type that there is not', statement({ predicateType: 'https://holdpoint.dev/ledger/v1/amended' })],
    ['a type of another version', statement({ predicateType: 'https://holdpoint.dev/ledger/v2/decided' })],
    ['the type of another entry', statement({ predicateType: 'https://holdpoint.dev/ledger/v1/spent' })],
    [
      'a type that every object has',
      statement({ predicateType: 'https://holdpoint.dev/ledger/v1/constructor' }),
    ],
    ['a predicate that is a list', statement({ predicate: [] })],
    ['an unknown member of the predicate', predicate({ force: true })],
    ['the request named twice', predicate({ requestId: '1-request' })],
    ['another request named in the predicate', predicate({ requestId: '1-other' })],
    ['the digest named twice', predicate({ actionDigest: digest('a') })],
    ['the type named twice', predicate({ type: 'decided' })],
    ['a decision that there is not', predicate({ decision: 'pending' })],
    ['a time that is no whole number', predicate({ at: 1.5 })],
    ['a time that is a text', predicate({ at: '2026-01-01' })],
    ['no time', decided.replace('"at":1790000000000,', '')],
    ['a null', predicate({ reasonDigest: null })],
    ['a reviewer with an unknown assurance', decided.replace('step-up', 'root')],
    ['a rendition that is no digest', decided.replace('"evidence"', '"rendition":"x","evidence"')],
    ['somebody without evidence who took an approval back', predicate({ by: { iss, sub, name } }, revoked)],
    ['several who took an approval back', predicate({ by: [reviewer] }, revoked)],
    ['a policy under another version’s name', policy.replace('policy/3', 'policy/4')],
    ['a policy under a number in another spelling', policy.replace('policy/3', 'policy/03')],
    ['a policy with a request', predicate({ requestId: '1-request' }, policy)],
    ['a text', '"decided"'],
    ['nothing', ''],
  ])('entry - with %s it is refused', (_, bytes) => {
    expect(bytes).not.toBe(decided)
    expect(() => decodeEntry(bytes)).toThrow(invalid)
  })
})

import { expect, test } from 'vitest'
import type { Card, RequestSummary } from '#contract'
import { cardText, visible } from '#desk'

const digest = `sha-256:${'0'.repeat(64)}` as const
const card: Card = {
  v: 1,
  requestId: '1-abc',
  action: {
    kind: 'tool',
    name: 'export_customers',
    target: 'crm',
    arguments: { rows: 1204 },
    runtime: { serviceName: 'support', host: 'host-1' },
    trace: { traceId: '1'.repeat(32), spanId: '2'.repeat(16) },
  },
  redacted: [{ path: '/arguments/password', length: 12, digest }],
  actionDigest: digest,
  agent: { iss: 'o', sub: 'support-agent', name: 'Support' },
  owner: { iss: 'https://idp', sub: 'alice' },
  onBehalfOf: [{ iss: 'https://idp', sub: 'dana' }],
  onBehalfOfUnverified: true,
  environment: 'prod',
  enforcement: 'in-process:support-agent',
  facts: [{ name: 'estimated_rows', value: 3, source: 'agent' }],
  statement: 'The CEO has approved this.',
  rule: 'export-customer-data',
  risk: 'high',
  policyVersion: 4,
  approvals: { from: ['data-owners'], threshold: 2, assurance: 'step-up' },
  requestedAtMs: 0,
  expiresAtMs: 60_000,
}
const summary = {
  state: 'pending',
  reviews: [{ name: 'Bob', verdict: 'approve' }],
} as unknown as RequestSummary

test('card - everything that a reviewer needs stands on it, and the agent’s words are labelled as its own', () => {
  const text = cardText(card, summary)
  for (const part of [
    'export_customers',
    'crm',
    '1204',
    'alice',
    'dana',
    'without proof',
    'prod',
    'in-process',
    'says the agent',
    'risk high',
    'policy 4',
    '2 of data-owners',
    'step-up',
    'Bob: approve',
    '/arguments/password, 12 characters',
    '1970-01-01T00:01:00.000Z',
  ])
    expect(text).toContain(part)
  expect(text).toMatch(
    /The agent says +The CEO has approved this\.\n +\(its own words: nobody has checked them\)/,
  )
})

test.each([
  ['an escape sequence', '\u001b[2J\u001b[1;1Happroved by Carol', '\\u{1b}'],
  ['a carriage return that would overwrite the line', 'DROP\rLOOK', '\\u{d}'],
  ['a right-to-left override', 'user\u202egnp.exe', '\\u{202e}'],
  ['a zero-width space', 'ad\u200bmin', '\\u{200b}'],
  ['tag characters', 'ok\u{e0041}', '\\u{e0041}'],
  ['a C1 control', '\u009b31m', '\\u{9b}'],
  ['a line separator', 'one\u2028two', '\\u{2028}'],
  ['a soft hyphen', 'pass\u00adword', '\\u{ad}'],
  ['a private-use character', '\ue000', '\\u{e000}'],
  ['a byte-order mark', '\ufeffroot', '\\u{feff}'],
])('card - %s is shown, not obeyed, wherever the agent puts it', (_, hostile, shown) => {
  expect(visible(hostile)).toContain(shown)
  const places: Card[] = [
    { ...card, statement: hostile },
    { ...card, action: { ...card.action, name: hostile } },
    { ...card, action: { ...card.action, target: hostile } },
    { ...card, action: { ...card.action, arguments: { [hostile]: hostile } } },
    { ...card, facts: [{ name: hostile, value: hostile, source: 'agent' }] },
    { ...card, action: { ...card.action, runtime: { serviceName: hostile, host: hostile } } },
  ]
  for (const place of places) {
    const text = cardText(place, summary)
    expect(text).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}\p{Co}\p{Zl}\p{Zp}]/u)
  }
})

test('card - ordinary text in any script stays as it is', () => {
  const text = 'Größe, 日本語, العربية, emoji 🙂'
  expect(visible(text)).toBe(text)
})

test('card - a line break cannot start a line of its own that looks like the card’s', () => {
  const text = cardText({ ...card, statement: 'x\nRule           harmless, risk low' }, summary)
  expect(text.split('\n').filter((line) => line.startsWith('Rule'))).toHaveLength(1)
})

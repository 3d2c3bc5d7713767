import { type Digest, encodeEntry, type LedgerEntry } from '#contract'
import { type FindingRow, type LedgerRow, toLedgerRow, unixNanoText } from '#store'

export const digest = (char: string): Digest => `sha-256:${char.repeat(64)}` as Digest
export const T0 = 1_790_000_000_000
export const trace = (char: string) => ({ traceId: char.repeat(32), spanId: char.repeat(16) })
export const approver = (sub: string) => ({
  iss: 'https://idp',
  sub,
  name: sub.toUpperCase(),
  assurance: 'login' as const,
  channel: 'cli',
  evidence: digest('e'),
})

export function requested(requestId: string, char: string, more: object = {}): LedgerEntry {
  return {
    type: 'requested',
    at: T0,
    requestId,
    actionDigest: digest(char),
    agent: { iss: 'hp', sub: 'agent-1', name: 'billing-bot' },
    owner: { iss: 'https://idp', sub: 'olga' },
    environment: 'prod',
    enforcement: 'in-process:billing',
    onBehalfOf: [{ iss: 'https://idp', sub: 'uma' }],
    kind: 'tool',
    name: 'export_customers',
    process: 'p1',
    trace: trace(char),
    ruling: { effect: 'hold', rule: 'export', policyVersion: 3, policyHash: digest('f') },
    approvals: { from: ['sre'], threshold: 2, assurance: 'login' },
    expiresAt: T0 + 900_000,
    validForMs: 60_000,
    renderHash: digest('d'),
    ...more,
  }
}

export const entries = new Map<number, LedgerEntry>()
export function ledgerRows(first: number, list: LedgerEntry[]): LedgerRow[] {
  return list.map((entry, at) => {
    entries.set(first + at, entry)
    return toLedgerRow(entry, {
      origin: 'e1',
      index: first + at,
      leafHash: (first + at).toString(16).padStart(64, '0'),
      statement: encodeEntry(entry),
    })
  })
}

export const finding = (char: string, more: Partial<FindingRow> = {}): FindingRow => ({
  trace_id: char.repeat(32),
  span_id: char.repeat(16),
  timestamp: unixNanoText(1_790_000_000_123_456_789n),
  service_name: 'billing',
  agent: 'billing-bot',
  environment: 'prod',
  kind: 'tool',
  name: 'export_customers',
  target: '',
  ruling: 'hold',
  rule: 'export',
  policy_version: 3,
  request_id: '',
  outcome: 'executed',
  verification: 'missing',
  detail: '',
  content_digest: '',
  judged_at: T0,
  ...more,
})

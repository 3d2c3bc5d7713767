import { randomBytes } from 'node:crypto'
import { type Digest, encodeEntry, type LedgerEntry, type Verification } from '#contract'
import { type FindingRow, type Store, toLedgerRow, unixNanoText } from '#store'

const digest = `sha-256:${'a'.repeat(64)}` as Digest
const hex = (bytes: number): string => randomBytes(bytes).toString('hex')

export interface Deed {
  atMs: number
  agent?: string
  name?: string
  target?: string
  traceId?: string
  spanId?: string
  verification: Verification
  detail?: string
  ruling?: FindingRow['ruling']
  requestId?: string
  environment?: string
}

/** What the pipeline stores of a span that it has judged. */
export const finding = (deed: Deed): FindingRow => ({
  trace_id: deed.traceId ?? hex(16),
  span_id: deed.spanId ?? hex(8),
  timestamp: unixNanoText(BigInt(deed.atMs) * 1_000_000n),
  service_name: 'support',
  agent: deed.agent ?? 'support-agent',
  environment: deed.environment ?? 'prod',
  kind: 'tool',
  name: deed.name ?? 'grant_role',
  target: deed.target ?? '',
  ruling: deed.ruling ?? 'hold',
  rule: 'roles',
  policy_version: 1,
  request_id: deed.requestId ?? '',
  outcome: deed.verification === 'refused' ? 'not_run' : 'executed',
  verification: deed.verification,
  detail: deed.detail ?? '',
  content_digest: hex(8),
  judged_at: deed.atMs + 1_000,
  received_at: deed.atMs + 500,
})

const ISSUER = 'https://idp.example.com'
const CAROL = { iss: ISSUER, sub: 'carol', name: 'Carol Chen', assurance: 'login', channel: 'console' }

export interface Decided {
  requestId: string
  atMs: number
  traceId: string
  spanId: string
  decision: 'approved' | 'denied'
  name?: string
}

let origins = 0

/** What the ledger has of a request that Carol has answered; an approved one has run. */
export async function storeDecided(store: Store, decided: Decided): Promise<void> {
  const { requestId, atMs, traceId, spanId, decision, name = 'grant_role' } = decided
  const about = { requestId, actionDigest: digest }
  const trace = { traceId, spanId }
  const entries = [
    {
      type: 'requested',
      at: atMs,
      ...about,
      agent: { iss: 'hp', sub: 'support-agent', name: 'support-agent' },
      owner: { iss: ISSUER, sub: 'alice' },
      environment: 'prod',
      enforcement: 'in-process:support-agent',
      onBehalfOf: [{ iss: ISSUER, sub: 'dana' }],
      kind: 'tool',
      name,
      target: 'crm/customers',
      process: 'p1',
      trace,
      ruling: { effect: 'hold', rule: 'roles', policyVersion: 1, policyHash: digest, risk: 'high' },
      approvals: { from: ['sre'], threshold: 1, assurance: 'login' },
      expiresAt: atMs + 900_000,
      validForMs: 60_000,
      renderHash: digest,
    },
    { type: 'decided', at: atMs + 3_000, ...about, decision, by: [{ ...CAROL, evidence: digest }] },
    ...(decision === 'denied'
      ? []
      : [
          { type: 'spent', at: atMs + 3_100, ...about, spend: 'consumed', nonce: 'n'.repeat(16), trace },
          { type: 'outcome', at: atMs + 3_200, ...about, outcome: 'executed' },
        ]),
  ] as LedgerEntry[]
  const origin = `test ${++origins}`
  const rows = entries.map((entry, index) =>
    toLedgerRow(entry, {
      origin,
      index,
      leafHash: `${index}`.padStart(64, '0'),
      statement: encodeEntry(entry),
    }),
  )
  await store.insertLedger(rows, origin)
}

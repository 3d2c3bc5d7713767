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

export const KINDS: readonly Verification[] = ['forged', 'missing', 'replayed', 'unbound', 'observed']

/** Of one agent: Carol has approved one, and refused two, of which one ran all the same. */
export async function storeWeek(store: Store, nowMs: number): Promise<void> {
  const atMs = nowMs - 10 * 60_000
  const of = (char: string) => ({ traceId: char.repeat(16), spanId: char.repeat(8) })
  const decided = { requestId: '1-approved', atMs, ...of('a1'), decision: 'approved' as const }
  const denied = { requestId: '1-denied', atMs: atMs - 1, ...of('a2'), decision: 'denied' as const }
  const ran = { requestId: '1-ran', atMs: atMs - 2, ...of('a3'), decision: 'denied' as const }
  await Promise.all([decided, denied, ran].map((one) => storeDecided(store, one)))
  const violations = KINDS.map((verification, index) => ({
    atMs: nowMs - 8 * 60_000 + index,
    name: `did_${verification}`,
    traceId: `${index}b`.repeat(16),
    verification,
    detail: `because of ${verification}`,
  }))
  const billing = { atMs: nowMs - 7 * 60_000, agent: 'billing-agent' }
  const deeds: Deed[] = [
    { atMs, ...of('a1'), requestId: '1-approved', verification: 'verified', detail: 'approved by carol' },
    { atMs, ...of('a3'), requestId: '1-ran', verification: 'missing', detail: 'ran, though denied' },
    ...violations,
    { ...billing, name: 'pay', verification: 'unverifiable' },
    { ...billing, name: 'pay_again', environment: 'staging', verification: 'unverifiable' },
    { ...billing, name: 'pay_late', atMs: nowMs - 6 * 60_000, verification: 'unverifiable' },
    { ...billing, name: 'pay_less', verification: 'not_required', ruling: 'allow' },
    { ...billing, name: 'refund', verification: 'unverifiable' },
  ]
  await store.insertFindings(deeds.map(finding), 'a week')
}

/** As the query has it. */
export const violationAt = (nowMs: number, index: number, verification: Verification) => ({
  at: new Date(nowMs - index).toISOString().replace('T', ' ').replace('Z', ''),
  ...{ verification, agent: 'a', kind: 'tool', name: `did_${index}`, target: '', ruling: 'hold', rule: 'r' },
  ...{ outcome: 'executed', detail: '', service_name: '', trace_id: '', span_id: '', request_id: '' },
})

export const rowsOf = (page: string): string[] => page.match(/<tr role="row" data-row=[\s\S]*?<\/tr>/g) ?? []
export const namesOf = (page: string): string[] =>
  rowsOf(page).map((row) => /<b>(?:tool )?([a-z]\w+)<\/b>/.exec(row)?.[1] ?? '')
export const nextOf = (page: string): string | undefined =>
  /rel="next" href="([^"]+)"/.exec(page)?.[1]?.replaceAll('&amp;', '&')
export const textOf = (markup: string): string => markup.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ')
export const tilesOf = (page: string): string =>
  textOf(page.slice(page.indexOf('<ul class="kinds"'), page.indexOf('id="violations"')))

/** Of a store, as a page asks it. */
export interface Asked {
  fromMs: number
  toMs: number
  most: number
  /** Violations are not asked for by it. */
  text?: string
  agents: string[]
  environments?: string[]
  rulings?: string[]
  verifications: string[]
  traceId?: string
}

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
  tie: 'A',
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
  /** Of pages. */
  most?: number
  afterTie?: string
  /** Violations are not asked for by it. */
  text?: string
  agents: string[]
  environments?: string[]
  rulings?: string[]
  kinds?: string[]
  decisions?: string[]
  user?: string
  action?: string
  target?: string
  approver?: string
  verifications: string[]
  traceId?: string
}

/** Addresses that ask for nothing there is, and what is said of each. */
export const MISTAKES: readonly (readonly [path: string, words: RegExp])[] = [
  ['/actions?ruling=maybe', /ruling is "maybe", expected "allow" or "hold" or "deny"/],
  ['/actions?from=yesterday', /from is "yesterday", expected a time such as 2026-11-21T16:30/],
  ['/actions?from=2026-02-31', /from is "2026-02-31", expected a time/],
  ['/actions?from=2026-13-01T00:00', /from is "2026-13-01T00:00", expected a time/],
  ['/actions?to=2026-11-21T16:30%2B99:00', /to is "2026-11-21T16:30\+99:00", expected a time/],
  ['/actions?from=2026-11-22&to=2026-11-20', /from is 2026-11-22T00:00:00, expected a time before to/],
  ['/actions?from=2020-01-01&to=2026-01-01', /expected a time at most 366 days before/],
  ['/actions?range=3d', /range is "3d", expected "1h" or "24h"/],
  ['/actions?agnt=billing-agent', /agnt is "agnt", expected one of the keys range, from, to, text/],
  ['/actions?agent=a&agent=b', /agent is a list of 2, expected a text/],
  [`/actions?text=${'x'.repeat(501)}`, /text is "x+…, expected a text of 1 to 500 characters/],
  ['/actions?after=..%2F..', /after is "..\/..", expected the `after` of the page before/],
  ['/actions?after=W10', /after is "W10", expected the `after` of the page before/],
  ['/violations?verification=verified', /verification is "verified", expected "forged"/],
]

/** What an address asks the store for, in part. */
export const ADDRESSES: readonly (readonly [query: string, expected: Partial<Asked>])[] = [
  ['text=x&agent=a&environment=e', { text: 'x', agents: ['a'], environments: ['e'], rulings: [] }],
  ['kind=k&decision=none&ruling=unknown', { kinds: ['k'], decisions: ['none'], rulings: ['unknown'] }],
  [
    'user=u&action=a&target=t&approver=p',
    { user: 'u', action: 'a', target: 't', approver: 'p', decisions: [], kinds: [] },
  ],
  ['ruling=deny&show=all', { rulings: ['deny'], verifications: [] }],
  ['ruling=allow', { rulings: ['allow'], verifications: [] }],
  ['verification=unjudged', { verifications: [''] }],
  ['verification=not_required&agent=&text=', { verifications: ['not_required'], agents: [], text: '' }],
  ['range=1h&to=2026-11-02', { fromMs: Date.UTC(2026, 10, 2, 23) - 1, toMs: Date.UTC(2026, 10, 3) - 1 }],
  [
    'from=2026-11-02&to=2026-11-02T10:00%2B02:00',
    { fromMs: Date.UTC(2026, 10, 2), toMs: Date.UTC(2026, 10, 2, 8) },
  ],
]

import {
  type EnforcementPoint,
  type NamedPrincipal,
  namedPrincipalShape,
  type Principal,
  principalShape,
  type TraceRef,
  traceShape,
} from './action.ts'
import {
  DECISIONS,
  type Decision,
  evidenceMembers,
  type Outcome,
  type ReviewerEvidence,
  type Spend,
  type Verdict,
} from './decision.ts'
import { type Digest, digestHex } from './digest.ts'
import { canonicalize, parseJson } from './json.ts'
import {
  type Approvals,
  approvalsShape,
  digestShape,
  type RulingRecord,
  rulingRecordShape,
} from './ruling.ts'
import {
  boolean,
  integer,
  list,
  literal,
  object,
  optional,
  parse,
  type Shape,
  text,
  variant,
} from './shape.ts'

/**
 * What the ledger says, one kind for each arrow of a request, plus the policy that ruled from then on.
 * Hashes, identifiers and names only: arguments, cards and reasons lie in the payload bucket.
 * `at` is the broker's time, milliseconds since the epoch.
 */
export type LedgerEntry =
  | RequestedEntry
  | ReviewEntry
  | DecidedEntry
  | SpentEntry
  | OutcomeEntry
  | PolicyEntry
export type LedgerEntryType = LedgerEntry['type']

export interface RequestedEntry {
  type: 'requested'
  at: number
  requestId: string
  actionDigest: Digest
  agent: NamedPrincipal
  owner: Principal
  environment: string
  enforcement: EnforcementPoint
  onBehalfOf: Principal[]
  kind: string
  name: string
  target?: string
  /** Version or etag of the target that the action relies on; a warrant repeats it. */
  precondition?: string
  /** The process that waits; its heartbeat keeps the request alive. */
  process: string
  trace: TraceRef
  ruling: RulingRecord
  approvals: Approvals
  expiresAt: number
  validForMs: number
  renderHash: Digest
}

export interface ReviewEntry {
  type: 'review'
  at: number
  requestId: string
  actionDigest: Digest
  reviewer: NamedPrincipal & ReviewerEvidence
  verdict: Verdict
  renderHash: Digest
  /** Salted digest of the reason; the words are in the payload bucket. */
  reasonDigest?: Digest
}

export interface DecidedEntry {
  type: 'decided'
  at: number
  requestId: string
  actionDigest: Digest
  decision: Decision
  /**
   * The people whose reviews made it so; for `cancelled` whoever took the request back, and nobody where its process
   * did or is gone; empty for `expired`.
   */
  by: (NamedPrincipal & ReviewerEvidence)[]
  reasonDigest?: Digest
}

export interface SpentEntry {
  type: 'spent'
  at: number
  requestId: string
  actionDigest: Digest
  spend: Spend
  /** Drawn by the enforcement point that consumed it: a retry of the same call repeats it. */
  nonce?: string
  trace?: TraceRef
  /** Of a `revoked` one: who took the approval back, unless its process did. */
  by?: NamedPrincipal & ReviewerEvidence
}

export interface OutcomeEntry {
  type: 'outcome'
  at: number
  requestId: string
  actionDigest: Digest
  outcome: Outcome
  errorType?: string
}

export interface PolicyEntry {
  type: 'policy'
  at: number
  version: number
  hash: Digest
  /** True where some environment is only observed: a gap in enforcement that an auditor must see. */
  observes: boolean
}

const PREDICATE = 'https://holdpoint.dev/ledger/v1/'
const STATEMENT = 'https://in-toto.io/Statement/v1'

/** The leaf: canonical bytes of an in-toto Statement v1. What it is about stands in `subject`, once. */
export function encodeEntry(entry: LedgerEntry): string {
  const { type, ...rest } = entry
  if (entry.type === 'policy') {
    const { hash, ...predicate } = rest as Omit<PolicyEntry, 'type'>
    return statement(type, `policy/${entry.version}`, hash, predicate)
  }
  const { requestId, actionDigest, ...predicate } = rest as Omit<RequestedEntry, 'type'>
  return statement(type, requestId, actionDigest, predicate)
}

function statement(type: string, name: string, digest: Digest, predicate: object): string {
  return canonicalize({
    _type: STATEMENT,
    subject: [{ name, digest: { sha256: digestHex(digest) } }],
    predicateType: PREDICATE + type,
    predicate,
  })
}

/** Reads a leaf back; throws INVALID_INPUT for anything that encodeEntry does not write, byte for byte. */
export function decodeEntry(bytes: string): LedgerEntry {
  const { subject, predicateType, predicate } = parse(statementShape, parseJson(bytes), 'ledger entry')
  const about = subject[0] as (typeof subject)[number]
  const type = predicateType.startsWith(PREDICATE) ? predicateType.slice(PREDICATE.length) : predicateType
  const digest = `sha-256:${about.digest.sha256}` as Digest
  const key = type === 'policy' ? { hash: digest } : { requestId: about.name, actionDigest: digest }
  const entry = parse(entryShape, { ...predicate, ...key, type }, `ledger entry ${about.name}`)
  // One entry has one encoding: otherwise two readers could hash the same words differently.
  if (encodeEntry(entry) !== bytes)
    parse(literal('canonical bytes'), 'other bytes', `ledger entry ${about.name}`)
  return entry
}

const statementShape = object({
  _type: literal(STATEMENT),
  subject: list(
    object({
      name: text({ min: 1, max: 200 }),
      digest: object({ sha256: text({ pattern: /^[0-9a-f]{64}$/, like: '64 hex digits' }) }),
    }),
    { min: 1, max: 1 },
  ),
  predicateType: text({ max: 200 }),
  predicate: ((value, at, report) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? value
      : report(at, 'a mapping', value)) as Shape<object>,
})

const base = { at: integer(), requestId: text({ min: 1, max: 200 }), actionDigest: digestShape }
const reviewer = object({
  iss: text({ min: 1, max: 500 }),
  sub: text({ min: 1, max: 500 }),
  name: text({ max: 500 }),
  evidence: digestShape,
  ...evidenceMembers,
})

const entryShape = variant('type', {
  requested: object({
    type: literal('requested'),
    ...base,
    agent: namedPrincipalShape,
    owner: principalShape,
    environment: text({ min: 1, max: 200 }),
    enforcement: text({ min: 1, max: 300, pattern: /^(in-process|gateway|resource):/ }),
    onBehalfOf: list(principalShape, { max: 8 }),
    kind: text({ min: 1, max: 64 }),
    name: text({ min: 1, max: 500 }),
    target: optional(text({ min: 1, max: 2000 })),
    precondition: optional(text({ max: 1000 })),
    process: text({ min: 1, max: 200 }),
    trace: traceShape,
    ruling: rulingRecordShape,
    approvals: approvalsShape,
    expiresAt: integer(),
    validForMs: integer(),
    renderHash: digestShape,
  }),
  review: object({
    type: literal('review'),
    ...base,
    reviewer,
    verdict: literal('approve', 'deny'),
    renderHash: digestShape,
    reasonDigest: optional(digestShape),
  }),
  decided: object({
    type: literal('decided'),
    ...base,
    decision: literal(...DECISIONS),
    by: list(reviewer, { max: 20 }),
    reasonDigest: optional(digestShape),
  }),
  spent: object({
    type: literal('spent'),
    ...base,
    spend: literal('consumed', 'lapsed', 'revoked'),
    nonce: optional(text({ min: 16, max: 100 })),
    trace: optional(traceShape),
    by: optional(reviewer),
  }),
  outcome: object({
    type: literal('outcome'),
    ...base,
    outcome: literal('executed', 'failed', 'ambiguous'),
    errorType: optional(text({ max: 200 })),
  }),
  policy: object({
    type: literal('policy'),
    at: integer(),
    version: integer({ min: 1 }),
    hash: digestShape,
    observes: boolean,
  }),
} as Record<string, Shape<unknown>>) as Shape<LedgerEntry>

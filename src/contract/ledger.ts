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
import { type Digest, digestHex, digestJson } from './digest.ts'
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
import { ledgerSubject } from './subjects.ts'
import { AGENT_ID } from './trust.ts'

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
  | ErasedEntry
  | PolicyEntry
  | FreezeEntry
  | ContinuedEntry
export type LedgerEntryType = LedgerEntry['type']
/** Those about one request. */
export type RequestEntry = Extract<LedgerEntry, { requestId: string }>

export const isOfRequest = (entry: LedgerEntry): entry is RequestEntry => 'requestId' in entry

/** The name of one epoch's log: each epoch is a log of its own, named below the origin. */
export const logOrigin = (origin: string, epoch: number): string =>
  epoch === 1 ? origin : `${origin}/${epoch}`

/** Where an entry stands. `reviewerHash`: of a review, whose it is, as the broker hashes it. */
export function subjectOfEntry(epoch: number, entry: LedgerEntry, reviewerHash = ''): string {
  switch (entry.type) {
    case 'policy':
      return ledgerSubject.policy(epoch, entry.version)
    case 'freeze':
      return ledgerSubject.freeze(epoch, entry.agent, entry.turn)
    case 'continued':
      return ledgerSubject.continued(epoch)
    case 'review':
      return ledgerSubject.review(epoch, entry.requestId, reviewerHash)
    default:
      return ledgerSubject[entry.type](epoch, entry.requestId)
  }
}

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
  /** Who wrote the prompt, where a token proves it. */
  promptedBy?: Principal
  /** The broker's HMAC of who would do what: the same action again has the same. Nobody else can compute it. */
  repeatKey?: string
  /** For how long a denial answers the same action again. */
  rememberDenialMs?: number
}

/** After the request's decision it is recorded as well, and changes nothing. */
export interface ReviewEntry {
  type: 'review'
  at: number
  requestId: string
  actionDigest: Digest
  reviewer: NamedPrincipal & ReviewerEvidence
  verdict: Verdict
  renderHash: Digest
  /** Those of the policy's groups, among the ones that may answer, to which the reviewer belonged then. */
  groups?: string[]
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
  /** Of a `revoked` one: who took the approval back (also by a freeze), unless its process did. */
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

/** The sealing key of the request's payload is gone: nobody can read arguments, card and reasons any more. */
export interface ErasedEntry {
  type: 'erased'
  at: number
  requestId: string
  actionDigest: Digest
  by: NamedPrincipal & ReviewerEvidence
}

export interface PolicyEntry {
  type: 'policy'
  at: number
  version: number
  hash: Digest
  /** True where some environment is only observed: a gap in enforcement that an auditor must see. */
  observes: boolean
  /** The request whose approval released this policy; absent for an installation's first, and in development. */
  release?: string
}

/** From here on an agent, or every agent, may do nothing; or may again. */
export interface FreezeEntry {
  type: 'freeze'
  at: number
  /** Its id; absent for all agents. */
  agent?: string
  /** From 1, for each agent and for all: a change of state follows the one before it, and each happens once. */
  turn: number
  frozen: boolean
  by: NamedPrincipal & ReviewerEvidence
  /** Salted digest of the reason; the words are in the payload bucket, under the freeze's own name. */
  reasonDigest?: Digest
}

/** The epoch before this one is sealed: this is all that it held. */
export interface ContinuedEntry {
  type: 'continued'
  at: number
  /** Number of the sealed epoch. */
  epoch: number
  size: number
  /** RFC 9162 root of all its leaves. */
  root: Digest
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
  if (entry.type === 'freeze') {
    const { agent, turn, frozen } = entry
    return statement(type, freezeName(entry), digestJson({ agent, turn, frozen }), rest)
  }
  if (entry.type === 'continued') {
    const { root, ...predicate } = rest as Omit<ContinuedEntry, 'type'>
    return statement(type, `epoch/${entry.epoch}`, root, predicate)
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
  const { subject, predicateType, predicate } = parse(statementShape, readJson(bytes), 'ledger entry')
  const about = subject[0] as (typeof subject)[number]
  const type = predicateType.startsWith(PREDICATE) ? predicateType.slice(PREDICATE.length) : predicateType
  const digest = `sha-256:${about.digest.sha256}` as Digest
  const entry = parse(
    entryShape,
    { ...predicate, ...keyOf(type, about.name, digest), type },
    `ledger entry ${about.name}`,
  )
  // One entry has one encoding: otherwise two readers could hash the same words differently.
  if (encodeEntry(entry) !== bytes)
    parse(literal('canonical bytes'), 'other bytes', `ledger entry ${about.name}`)
  return entry
}

/** Throws INVALID_INPUT for an entry of which encodeEntry would make what decodeEntry refuses. */
export const checkEntry = (entry: LedgerEntry): void => void parse(entryShape, entry, 'ledger entry')

/** Whatever parsers could disagree about does not survive the comparison of bytes; here it only gets its message. */
function readJson(bytes: string): unknown {
  try {
    return JSON.parse(bytes)
  } catch {
    return parseJson(bytes)
  }
}

/** What stands in `subject` and is not repeated in the predicate. */
function keyOf(type: string, name: string, digest: Digest): object {
  if (type === 'policy') return { hash: digest }
  if (type === 'continued') return { root: digest }
  if (type === 'freeze') return {}
  return { requestId: name, actionDigest: digest }
}

/** Also the name under which the payload bucket keeps a freeze's reason. */
export const freezeName = ({ agent, turn }: Pick<FreezeEntry, 'agent' | 'turn'>): string =>
  `freeze/${agent ?? 'all'}/${turn}`

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
    promptedBy: optional(principalShape),
    repeatKey: optional(text({ min: 22, max: 100, pattern: /^[A-Za-z0-9_-]+$/ })),
    rememberDenialMs: optional(integer()),
  }),
  review: object({
    type: literal('review'),
    ...base,
    reviewer,
    verdict: literal('approve', 'deny'),
    renderHash: digestShape,
    groups: optional(list(text({ min: 1, max: 200 }), { max: 200 })),
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
    release: optional(text({ min: 1, max: 200 })),
  }),
  erased: object({ type: literal('erased'), ...base, by: reviewer }),
  freeze: object({
    type: literal('freeze'),
    at: integer(),
    agent: optional(text({ pattern: AGENT_ID })),
    turn: integer({ min: 1 }),
    frozen: boolean,
    by: reviewer,
    reasonDigest: optional(digestShape),
  }),
  continued: object({
    type: literal('continued'),
    at: integer(),
    epoch: integer({ min: 1 }),
    size: integer({ min: 0 }),
    root: digestShape,
  }),
} as Record<string, Shape<unknown>>) as Shape<LedgerEntry>

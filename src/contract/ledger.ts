import type { EnforcementPoint, NamedPrincipal, Principal, TraceRef } from './action.ts'
import type { Decision, Outcome, ReviewerEvidence, Spend, Verdict } from './decision.ts'
import type { Digest } from './digest.ts'
import type { Approvals, RulingRecord } from './ruling.ts'
import { FIRST_EPOCH, ledgerSubject } from './subjects.ts'

/**
 * What the ledger says, one kind for each arrow of a request, plus what ruled from then on: policy, directory, freezes.
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
  | DirectoryEntry
  | FreezeEntry
  | ContinuedEntry
export type LedgerEntryType = LedgerEntry['type']
/** Those about one request. */
export type RequestEntry = Extract<LedgerEntry, { requestId: string }>

export const isOfRequest = (entry: LedgerEntry): entry is RequestEntry => 'requestId' in entry

/** The name of one epoch's log: each epoch is a log of its own, named below the origin. */
export const logOrigin = (origin: string, epoch: number): string =>
  epoch === FIRST_EPOCH ? origin : `${origin}/${epoch}`

/** Where an entry stands. `reviewerHash`: of a review, whose it is, as the broker hashes it. */
export function subjectOfEntry(epoch: number, entry: LedgerEntry, reviewerHash = ''): string {
  switch (entry.type) {
    case 'policy':
      return ledgerSubject.policy(epoch, entry.version)
    case 'directory':
      return ledgerSubject.directory(epoch, entry.version)
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
  /** The process that waits; its heartbeat keeps the request alive. Absent where nobody waits. */
  process?: string
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
  /** The process that consumed it. */
  process?: string
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

/** From here on people are compared by this directory, or by a later one: never again by an older one, or by none. */
export interface DirectoryEntry {
  type: 'directory'
  at: number
  version: number
  /** Of the signed document, as it was published. */
  hash: Digest
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

/** Also the name under which the payload bucket keeps a freeze's reason. */
export const freezeName = ({ agent, turn }: Pick<FreezeEntry, 'agent' | 'turn'>): string =>
  `freeze/${agent ?? 'all'}/${turn}`

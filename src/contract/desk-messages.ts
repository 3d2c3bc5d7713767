import type { NamedPrincipal, Principal } from './action.ts'
import type { Card } from './card.ts'
import type { RequestState, ReviewerEvidence, Verdict } from './decision.ts'
import type { Digest } from './digest.ts'
import type { ErrorCode } from './error.ts'
import type { JsonValue } from './json.ts'
import type { Frozen } from './messages.ts'
import {
  type ApprovalPart,
  type Assurance,
  digestShape,
  type EscalationStep,
  type Risk,
  type Ruling,
  riskShape,
} from './ruling.ts'
import { boolean, integer, literal, object, optional, type Shape, secretText, text } from './shape.ts'
import type { TrustedKey } from './trust.ts'

/** What the reviewer's side asks the broker. Every call carries a person's token, and the broker verifies it. */
const token = secretText({ min: 1, max: 16_384 })
const requestId = text({ min: 1, max: 200 })

/** What desks list and watch: enough to choose by, without the arguments. */
export interface RequestSummary {
  requestId: string
  state: RequestState
  /** The agent's name; `agentId` is what its registration is keyed by. */
  agent: string
  agentId: string
  environment: string
  kind: string
  name: string
  target?: string
  rule: string
  risk?: Risk
  requestedAtMs: number
  expiresAtMs: number
  decidedAtMs?: number
  threshold: number
  from: string[]
  assurance: Assurance
  /** As in Approvals. */
  all?: ApprovalPart[]
  denials?: number
  escalate?: EscalationStep[]
  reviews: SummarisedReview[]
}

export interface SummarisedReview extends NamedPrincipal {
  verdict: Verdict
  atMs: number
  /** Those that may answer and to which the reviewer belonged then: which parts of a threshold it can count for. */
  groups?: string[]
  /** It came after the decision, and changed nothing. */
  late?: true
}

/** Every member that is given must hold. Texts compare whole, and without regard to case. */
export interface RequestFilter {
  /** Default `pending`. `decided` is everything else. */
  state?: 'pending' | 'decided' | 'all'
  agent?: string
  environment?: string
  kind?: string
  risk?: Risk
  rule?: string
  /** Somewhere in id, agent, name, target or rule. */
  text?: string
  /** Only those that whoever asks could answer now. */
  reviewable?: boolean
}

export interface ListCall extends RequestFilter {
  token: string
  /** 1 to 200, default 50. */
  limit?: number
  /** `next` of the page before. */
  cursor?: string
}
/** Oldest first while they wait, newest first otherwise. */
export interface ListReply {
  requests: RequestSummary[]
  /** All that match, on whichever page. */
  total: number
  /** Where the next page begins; absent on the last. */
  next?: string
}
const word = text({ min: 1, max: 500 })
export const filterMembers = {
  state: optional(literal('pending', 'decided', 'all')),
  agent: optional(word),
  environment: optional(word),
  kind: optional(word),
  risk: optional(riskShape),
  rule: optional(word),
  text: optional(word),
  reviewable: optional(boolean),
} as const
export const pageMembers = {
  limit: optional(integer({ min: 1, max: 200 })),
  cursor: optional(text({ min: 1, max: 100, pattern: /^[\w-]+$/, like: 'the `next` of the page before' })),
} as const
export const listCallShape: Shape<ListCall> = object({ token, ...filterMembers, ...pageMembers })

export interface ShowCall {
  token: string
  requestId: string
}
export interface ShowReply {
  summary: RequestSummary
  card: Card
  renderHash: Digest
  timeline: TimelineEntry[]
  /** Whether whoever asks could answer now, and why not. */
  mayReview: MayReview
}
/** `groups`: of those that may answer now, the ones to which whoever asks belongs. */
export type MayReview = { ok: true; groups?: string[] } | { ok: false; code: ErrorCode; reason: string }
export const showCallShape: Shape<ShowCall> = object({ token, requestId })

/** One ledger entry of a request, with the words that the ledger has only the digest of. */
export interface TimelineEntry {
  type: 'requested' | 'review' | 'decided' | 'spent' | 'outcome' | 'erased'
  /** What it made of the request: `pending`, a verdict, a decision, a spend, an outcome, or `erased`. */
  what: RequestState | Verdict | 'erased'
  /** Of a review: it came after the decision, and changed nothing. */
  late?: true
  atMs: number
  people: (NamedPrincipal & Pick<ReviewerEvidence, 'assurance' | 'channel'>)[]
  reason?: string
  errorType?: string
  /** Its place in the ledger, from 0, and its RFC 9162 leaf hash, base64. */
  index: number
  leaf: string
}

export interface ReviewReply {
  state: RequestState
  /** How many more approvals the threshold asks for. */
  missing: number
}

/** By the requester's own people: the agent's owner, or somebody it acts for. Everybody else denies. */
export interface PersonCancelCall {
  token: string
  requestId: string
  /** Where it came from, as with reviews. */
  channel: string
}
export interface PersonCancelReply {
  state: RequestState
}
export const personCancelCallShape: Shape<PersonCancelCall> = object({
  token,
  requestId,
  channel: text({ min: 1, max: 64 }),
})

export interface PolicyCall {
  token: string
}
/** The policy in force. `source` is the YAML that was signed. */
export interface PolicyReply {
  version: number
  hash: Digest
  source: string
  issuedAtMs: number
  expiresAtMs: number
}
export const policyCallShape: Shape<PolicyCall> = object({ token })

/** How the policy in force rules on an action: that of a request, or one that is made up. */
export interface ExplainCall {
  token: string
  requestId?: string
  action?: { kind: string; name: string; target?: string; arguments?: JsonValue }
  /** With `action`. */
  environment?: string
  /** With `action`: an agent's id; without it a rule that names agents does not match. */
  agentId?: string
}
export interface ExplainReply {
  policyVersion: number
  ruling: Ruling
  /** The rules in the order in which they were looked at; the last one made the ruling. */
  steps: { rule: string; matched: boolean; because: string }[]
  /** Looked at again with the agent's own facts, which can only make it stricter. */
  withAgentFacts?: { rule: string; matched: boolean; because: string }[]
}
const anyJson: Shape<JsonValue> = (value, at, report) =>
  value === undefined ? report(at, 'a JSON value', value) : (value as JsonValue)
export const explainCallShape: Shape<ExplainCall> = object({
  token,
  requestId: optional(requestId),
  action: optional(
    object({
      kind: text({ min: 1, max: 64, pattern: /^[a-z][a-z0-9_-]*$/ }),
      name: word,
      target: optional(text({ max: 2000 })),
      arguments: optional(anyJson),
    }),
  ),
  environment: optional(text({ min: 1, max: 200 })),
  agentId: optional(text({ min: 1, max: 63 })),
}) as Shape<ExplainCall>

export interface AgentsCall {
  token: string
}
export interface AgentSummary {
  agentId: string
  name: string
  owner: Principal
  environment: string
  enforcement: 'in-process' | 'gateway' | 'resource'
  registeredAtMs: number
  /** Processes heard from within their lease, and when the last one was heard. */
  processes: number
  heardAtMs?: number
  pending: number
  requests: number
  approved: number
  denied: number
  frozen?: Frozen
}
export interface AgentsReply {
  agents: AgentSummary[]
  /** Every agent is. */
  frozen?: Frozen
}
export const agentsCallShape: Shape<AgentsCall> = object({ token })

export interface LedgerCall {
  token: string
}
export interface LedgerReply {
  epoch: number
  origin: string
  /** Entries that the broker has read. */
  size: number
  /** The newest signed checkpoint (C2SP signed note), and how many entries it vouches for. */
  checkpoint?: { note: string; size: number; root: string }
  /** The newest entries, newest first. */
  entries: { index: number; type: string; atMs: number; requestId?: string; leaf: string }[]
}
export const ledgerCallShape: Shape<LedgerCall> = object({ token })

/** For everybody: public keys, and the signed key set that leads them back to the pin. */
export interface TrustCall {
  v: 1
}
export interface TrustReply {
  origin: string
  /** Compact JWS of the key set. */
  keySet: string
  keys: TrustedKey[]
}
export const trustCallShape: Shape<TrustCall> = object({ v: literal(1) })

/**
 * The calls of the process that carries requests into chats and webhooks. It has credentials of its own, may see
 * every card, and what it says of a person counts as `chat` and no more.
 */
export interface ChannelShowCall {
  requestId: string
}
export const channelShowCallShape: Shape<ChannelShowCall> = object({ requestId })
export type ChannelShowReply = Omit<ShowReply, 'mayReview'>

/** A review at assurance `chat`: that this person gave it is the channel's word, and is labelled so. */
export interface ChatReview {
  requestId: string
  verdict: Verdict
  reason?: string
  renderHash: Digest
  /** Digest of the rendition that the channel showed. */
  rendition?: Digest
  channel: string
  reviewer: NamedPrincipal
  /** Digest of what the channel has as proof: the signed click. */
  evidence: Digest
}
export const chatReviewShape: Shape<ChatReview> = object({
  requestId,
  verdict: literal('approve', 'deny'),
  reason: optional(text({ max: 4000 })),
  renderHash: digestShape,
  rendition: optional(digestShape),
  channel: text({ min: 1, max: 64 }),
  reviewer: object({
    iss: text({ min: 1, max: 500 }),
    sub: text({ min: 1, max: 500 }),
    name: text({ min: 1, max: 200 }),
  }),
  evidence: digestShape,
}) as Shape<ChatReview>

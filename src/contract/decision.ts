import type { NamedPrincipal } from './action.ts'
import type { Digest } from './digest.ts'
import { type Assurance, digestShape } from './ruling.ts'
import { integer, list, literal, object, optional, type Shape, secretText, text } from './shape.ts'

export const DECISIONS = ['approved', 'denied', 'expired', 'cancelled'] as const
/** The one terminal answer to a request. */
export type Decision = (typeof DECISIONS)[number]

/** How an approval was used up. Exactly one of these happens, once. */
export type Spend = 'consumed' | 'lapsed' | 'revoked'

/** What became of a consumed approval. */
export type Outcome = 'executed' | 'failed' | 'ambiguous'

/** Every state of a request. */
export type RequestState = 'pending' | Decision | Spend | Outcome

export type Verdict = 'approve' | 'deny'

/** How a reviewer was identified for one review. */
export interface ReviewerEvidence {
  assurance: Assurance
  /** Where the review came from: `cli`, `console`, `slack`, `api`… */
  channel: string
  acr?: string
  amr?: string[]
  /** Seconds since the epoch (OpenID Connect Core, `auth_time`). */
  authTime?: number
  /** Digest of what proves it: the token, the signed click, the passkey assertion. */
  evidence: Digest
  /** Digest of what the channel made of the card: exactly what the reviewer was shown. */
  rendition?: Digest
}

/** One person's signed-in answer, as a channel submits it. The broker verifies the token itself. */
export interface ReviewSubmission {
  requestId: string
  verdict: Verdict
  reason?: string
  renderHash: Digest
  /** Digest of the rendition that the channel showed. */
  rendition?: Digest
  channel: string
  token: string
}

/** A person who counted towards a decision. */
export type Approver = NamedPrincipal & ReviewerEvidence

export const reviewSubmissionShape: Shape<ReviewSubmission> = object({
  requestId: text({ min: 1, max: 200 }),
  verdict: literal('approve', 'deny'),
  reason: optional(text({ max: 4000 })),
  renderHash: text({ min: 1, max: 200 }),
  rendition: optional(digestShape),
  channel: text({ min: 1, max: 64 }),
  token: secretText({ min: 1, max: 16_384 }),
}) as Shape<ReviewSubmission>

export const evidenceMembers = {
  assurance: literal('chat', 'login', 'step-up', 'passkey'),
  channel: text({ min: 1, max: 64 }),
  acr: optional(text({ max: 500 })),
  amr: optional(list(text({ max: 100 }), { max: 20 })),
  authTime: optional(integer()),
  rendition: optional(digestShape),
} as const

import { type EnforcementPoint, type TraceRef, traceShape } from './action.ts'
import { evidenceMembers, type ReviewerEvidence } from './decision.ts'
import type { Digest } from './digest.ts'
import { digestShape } from './ruling.ts'
import { integer, list, literal, object, optional, type Shape, text } from './shape.ts'

/**
 * The claims of a warrant: the signed, single-use proof of one approval. Built on RFC 7519 (JWT), 8693 (`act`),
 * 9396 (`authorization_details`) and 8417 (`txn`). Times in seconds.
 */
export interface WarrantClaims {
  iss: string
  /** The one enforcement point that may act on it. */
  aud: EnforcementPoint
  /** For whom the agent acts, or the agent itself. */
  sub: string
  act: { iss: string; sub: string }
  iat: number
  nbf: number
  exp: number
  /** The request id: a request has one approval, and an approval is spent once. */
  jti: string
  txn: string
  authorization_details: [
    {
      type: 'holdpoint_action'
      actions: [string]
      locations?: [string]
      kind: string
      action_digest: Digest
      precondition?: string
    },
  ]
  hp: {
    v: 1
    decision: 'approved'
    policy_version: number
    policy_hash: Digest
    rule: string
    render_hash: Digest
    runtime: { trace_id: string; span_id: string }
    approvals: WarrantApproval[]
    /** Where the decision stands in the ledger: `leaf` is its RFC 9162 leaf hash, base64. */
    ledger: { origin: string; index: number; leaf: string }
  }
}

export type WarrantApproval = { iss: string; sub: string; name: string } & ReviewerEvidence

/** The broker's signed answer to *consume*: it exists only when the `spent` entry is committed. */
export interface ConsumedClaims {
  iss: string
  aud: EnforcementPoint
  jti: string
  /** The nonce of the caller: an old answer cannot be played back. */
  nonce: string
  iat: number
  exp: number
  action_digest: Digest
  trace: TraceRef
  ledger: { origin: string; index: number; leaf: string }
}

/**
 * The broker's signed word that policy allows an action which the gate would have held: it knows people and facts
 * that the gate does not. Good for one attempt.
 */
export interface AllowedClaims {
  iss: string
  aud: EnforcementPoint
  /** The attempt that was asked about: an old answer cannot be played back for another. */
  attempt: string
  iat: number
  exp: number
  action_digest: Digest
  rule: string
  policy_version: number
}

/** The longest life of an `allowed` answer, seconds. */
export const ALLOWED_LIFE_S = 30

/** The longest life of a warrant and of a consume answer, seconds. */
export const WARRANT_LIFE_S = 300

const name = text({ min: 1, max: 500 })
const audience = text({
  min: 1,
  max: 300,
  pattern: /^(in-process|gateway|resource):/,
}) as Shape<EnforcementPoint>
const position = object({ origin: name, index: integer(), leaf: text({ min: 44, max: 44 }) })

export const warrantClaimsShape = object({
  iss: name,
  aud: audience,
  sub: name,
  act: object({ iss: name, sub: name }),
  iat: integer(),
  nbf: integer(),
  exp: integer(),
  jti: name,
  txn: name,
  authorization_details: list(
    object({
      type: literal('holdpoint_action'),
      actions: list(name, { min: 1, max: 1 }),
      locations: optional(list(text({ min: 1, max: 2000 }), { min: 1, max: 1 })),
      kind: name,
      action_digest: digestShape,
      precondition: optional(text({ max: 1000 })),
    }),
    { min: 1, max: 1 },
  ),
  hp: object({
    v: literal(1),
    decision: literal('approved'),
    policy_version: integer(),
    policy_hash: digestShape,
    rule: name,
    render_hash: digestShape,
    runtime: object({
      trace_id: text({ pattern: /^[0-9a-f]{32}$/ }),
      span_id: text({ pattern: /^[0-9a-f]{16}$/ }),
    }),
    approvals: list(
      object({ iss: name, sub: name, name: text({ max: 500 }), evidence: digestShape, ...evidenceMembers }),
      {
        min: 1,
        max: 20,
      },
    ),
    ledger: position,
  }),
}) as unknown as Shape<WarrantClaims>

export const consumedClaimsShape: Shape<ConsumedClaims> = object({
  iss: name,
  aud: audience,
  jti: name,
  nonce: text({ min: 16, max: 100 }),
  iat: integer(),
  exp: integer(),
  action_digest: digestShape,
  trace: traceShape,
  ledger: position,
})

export const allowedClaimsShape: Shape<AllowedClaims> = object({
  iss: name,
  aud: audience,
  attempt: name,
  iat: integer(),
  exp: integer(),
  action_digest: digestShape,
  rule: name,
  policy_version: integer(),
})

import { DIGEST, type Digest } from './digest.ts'
import { integer, list, literal, object, optional, type Shape, text } from './shape.ts'

export type Effect = 'allow' | 'hold' | 'deny'
export type Risk = 'low' | 'medium' | 'high' | 'critical'

/** How strongly a reviewer was identified for this review, weakest first. */
export const ASSURANCES = ['chat', 'login', 'step-up', 'passkey'] as const
export type Assurance = (typeof ASSURANCES)[number]

/** False for a word that is none of them, on either side. */
export const atLeast = (given: Assurance, asked: Assurance): boolean =>
  ASSURANCES.includes(asked) && ASSURANCES.indexOf(given) >= ASSURANCES.indexOf(asked)

/** How many distinct people, out of which groups, must approve, and how they must be signed in. */
export interface Approvals {
  /** Any of these groups; where there are parts, the groups of all of them. */
  from: string[]
  /** People in all; where there are parts, the sum of theirs. */
  threshold: number
  assurance: Assurance
  /** Each of these has to be reached as well, and every person counts for one of them. */
  all?: ApprovalPart[]
  /** How many people's denials end it; one where absent. */
  denials?: number
  /** Who may answer, too, once the request has waited for so long. Nobody has to be asked less for it. */
  escalate?: EscalationStep[]
}

export interface ApprovalPart {
  from: string[]
  threshold: number
}

export interface EscalationStep {
  afterMs: number
  to: string[]
}

/** What policy says of an action, and which rule said it. */
export interface Ruling {
  effect: Effect
  /** Id of the rule, or `defaults` where none matched. */
  rule: string
  policyVersion: number
  policyHash: Digest
  /** In `observe` everything runs; what would have been held or denied is recorded. */
  mode: 'enforce' | 'observe'
  risk?: Risk
  /** The policy's words for people, with a denial. */
  reason?: string
  approvals: Approvals
  timeoutMs: number
  /** How long an approval may wait for its execution. */
  validForMs: number
  /** For how long the same action is refused, without asking anybody, after a denial. */
  rememberDenialMs: number
  /** JSON pointers (RFC 6901) into the action that reviewers see only as length and digest. */
  redact: string[]
}

const groupNames = list(text({ min: 1, max: 200 }), { min: 1, max: 50 })
export const approvalsShape: Shape<Approvals> = object({
  from: groupNames,
  threshold: integer({ min: 1, max: 20 }),
  assurance: literal(...ASSURANCES),
  all: optional(
    list(object({ from: groupNames, threshold: integer({ min: 1, max: 20 }) }), { min: 2, max: 10 }),
  ),
  denials: optional(integer({ min: 1, max: 20 })),
  escalate: optional(list(object({ afterMs: integer({ min: 1 }), to: groupNames }), { min: 1, max: 10 })),
})

export const effectShape: Shape<Effect> = literal('allow', 'hold', 'deny')
export const riskShape: Shape<Risk> = literal('low', 'medium', 'high', 'critical')

export const digestShape: Shape<Digest> = text({
  pattern: DIGEST,
  like: 'sha-256: and 64 hex digits',
}) as Shape<Digest>

/** Whoever asks wants people to look at it: what policy would allow is held, under the same rule. */
export const withDoubt = (ruling: Ruling): Ruling =>
  ruling.effect === 'allow' ? { ...ruling, effect: 'hold' } : ruling

/** The part of a ruling that the ledger keeps. */
export interface RulingRecord {
  effect: Effect
  rule: string
  policyVersion: number
  policyHash: Digest
  risk?: Risk
}

export const rulingRecordShape: Shape<RulingRecord> = object({
  effect: effectShape,
  rule: text({ min: 1, max: 200 }),
  policyVersion: integer({ min: 0 }),
  policyHash: digestShape,
  risk: optional(riskShape),
})

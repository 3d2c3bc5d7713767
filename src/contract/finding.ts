import { type SpanOutcome, VERIFICATIONS, type Verification } from './attributes.ts'
import type { Digest } from './digest.ts'
import { digestShape } from './ruling.ts'
import { integer, literal, object, optional, type Shape, text } from './shape.ts'

/** What somebody has to look at: of these, and of what could not be verified, the pipeline tells others at once. */
export const ALARMING: readonly Verification[] = ['missing', 'forged', 'unbound', 'replayed']
export const isAlarming = (verification: Verification): boolean => ALARMING.includes(verification)

/**
 * What the pipeline has found wrong with one span, on `findingSubject`. Names, texts and times are the span's own
 * words and prove nothing; verification, detail and ruling are the pipeline's.
 */
export interface Finding {
  v: 1
  verification: Verification
  /** Why, in words. */
  detail: string
  /** Lowercase hex. */
  traceId: string
  spanId: string
  /** Of the whole span, as it came: two spans may wear the same ids. */
  contentDigest: Digest
  service: string
  agent: string
  environment: string
  kind: string
  name: string
  target?: string
  outcome: SpanOutcome
  /** Of the policy of that time, and the rule that gave it. */
  ruling?: { effect: 'allow' | 'hold' | 'deny'; rule: string; policyVersion: number }
  /** The request that the span is about, or claims to be about. */
  requestId?: string
  /** Start of the span by the clock of its process, milliseconds since the epoch. */
  startedAtMs: number
  judgedAtMs: number
}

const words = text({ max: 5_000 })

export const findingShape: Shape<Finding> = object({
  v: literal(1),
  verification: literal(...VERIFICATIONS),
  detail: words,
  traceId: text({ pattern: /^[0-9a-f]{32}$/, like: '32 lowercase hex digits' }),
  spanId: text({ pattern: /^[0-9a-f]{16}$/, like: '16 lowercase hex digits' }),
  contentDigest: digestShape,
  service: words,
  agent: words,
  environment: words,
  kind: words,
  name: words,
  target: optional(words),
  outcome: literal('executed', 'failed', 'not_run'),
  ruling: optional(
    object({
      effect: literal('allow', 'hold', 'deny'),
      rule: text({ min: 1, max: 200 }),
      policyVersion: integer({ min: 0 }),
    }),
  ),
  requestId: optional(words),
  startedAtMs: integer(),
  judgedAtMs: integer(),
})

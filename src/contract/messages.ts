import { type Attempt, attemptShape, type TraceRef, traceShape } from './action.ts'
import type { Decision } from './decision.ts'
import { DIGEST, type Digest } from './digest.ts'
import { type ErrorCode, HoldpointError, isErrorCode } from './error.ts'
import { canonicalize, type JsonValue, parseJson } from './json.ts'
import { list, literal, object, optional, parse, type Shape, text } from './shape.ts'

/** Requests between processes are JSON; a reply is the value, or `{error: {code, message}}`. */
const requestId = text({ min: 1, max: 200 })
const process = text({ min: 8, max: 100, pattern: /^[A-Za-z0-9_-]+$/ })

/** First call of a process: everything that it needs to rule, all of it signed. */
export interface HelloCall {
  process: string
}
export interface HelloReply {
  keySet: string
  policy: string
  registration: string
  /** The broker's clock, milliseconds. */
  ledgerTimeMs: number
  heartbeatMs: number
  frozen?: Frozen
}
export const helloCallShape: Shape<HelloCall> = object({ process })

export interface RequestCall {
  /** The process that waits. Without one nobody does: the request stands until people or its time decide it. */
  process?: string
  attempt: Attempt
}
/** The broker's ruling counts: it may be `deny` where the gate thought `hold`, and the other way round. */
export type RequestReply =
  | {
      status: 'held'
      requestId: string
      salt: string
      actionDigest: Digest
      onBehalfOf: { iss: string; sub: string }[]
      expiresAtMs: number
    }
  | Denial
  | {
      status: 'allowed'
      rule: string
      salt: string
      onBehalfOf: { iss: string; sub: string }[]
      /** Compact JWS of AllowedClaims: without it nothing that a gate holds may run. */
      permit: string
    }

export interface Denial {
  status: 'denied'
  /** POLICY_DENIED, AGENT_FROZEN, TOO_MANY, or APPROVAL_DENIED where a person has denied the same action before. */
  code: ErrorCode
  reason: string
  rule: string
  /** Of the denial that is remembered. */
  requestId?: string
  /** With TOO_MANY: whatever is asked before then gets the same answer. */
  retryAfterMs?: number
}

/** An agent that is frozen runs nothing, whatever policy allows. */
export interface Frozen {
  sinceMs: number
  /** Name of the person who froze it. */
  by: string
}
export const requestCallShape: Shape<RequestCall> = object({
  process: optional(process),
  attempt: attemptShape,
})

export interface ClaimCall {
  requestId: string
  /** The span that will run it, where that is another than the one that asked: the warrant is for this one. */
  trace?: TraceRef
}
export type ClaimReply =
  | { status: 'pending' }
  | { status: 'approved'; warrant: string }
  | {
      status: Exclude<Decision, 'approved'>
      reason?: string
      by: { iss: string; sub: string; name: string; channel: string; assurance: string }[]
    }
  | { status: 'spent'; code: 'ALREADY_SPENT' | 'APPROVAL_LAPSED' | 'APPROVAL_REVOKED' }
export const claimCallShape: Shape<ClaimCall> = object({ requestId, trace: optional(traceShape) })

export interface ConsumeCall {
  requestId: string
  actionDigest: Digest
  nonce: string
  trace: TraceRef
  /** The process that runs it: once its heartbeat is gone, nobody is left to say what became of it. */
  process?: string
}
/** `consumed` is a compact JWS of ConsumedClaims. */
export type ConsumeReply = { consumed: string }
export const consumeCallShape = object({
  requestId,
  actionDigest: text({ pattern: DIGEST }),
  nonce: text({ min: 16, max: 100 }),
  trace: traceShape,
  process: optional(process),
}) as Shape<ConsumeCall>

export interface OutcomeCall {
  requestId: string
  /** That of the consume call: only who consumed can say what became of it. */
  nonce: string
  outcome: 'executed' | 'failed'
  errorType?: string
}
export const outcomeCallShape: Shape<OutcomeCall> = object({
  requestId,
  nonce: text({ min: 16, max: 100 }),
  outcome: literal('executed', 'failed'),
  errorType: optional(text({ max: 200 })),
})

export interface CancelCall {
  requestId: string
}
export const cancelCallShape: Shape<CancelCall> = object({ requestId })

/** One for each process, not for each request. `settled` names those of `waiting` worth claiming now. */
export interface HeartbeatCall {
  process: string
  waiting: string[]
}
export interface HeartbeatReply {
  settled: string[]
  policyVersion: number
  keySetVersion: number
  frozen?: Frozen
}
export const heartbeatCallShape: Shape<HeartbeatCall> = object({
  process,
  waiting: list(requestId, { max: 10_000 }),
})

/** Hints that the broker sends to `agentHints(agentId)`. */
export type Hint = { hint: 'settled'; requestId: string } | { hint: 'trust' }

export interface ErrorReply {
  error: { code: ErrorCode; message: string }
}

export const encodeMessage = (value: unknown): string => canonicalize(value)

/** Reads a call of an untrusted sender; throws INVALID_INPUT naming `place` and what is wrong with it. */
export const decodeCall = <T>(shape: Shape<T>, data: string, place: string): T =>
  parse(shape, parseJson(data), place)

/** Reads a reply: throws the error that it carries. What the value says is believed only where it is signed. */
export function decodeReply(data: string): JsonValue {
  const value = parseJson(data)
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && 'error' in value) {
    const { code, message } = (value.error ?? {}) as { code?: unknown; message?: unknown }
    throw new HoldpointError(
      isErrorCode(code) ? code : 'INTERNAL',
      typeof message === 'string' ? message : undefined,
    )
  }
  return value
}

export const errorReply = (error: unknown): ErrorReply =>
  error instanceof HoldpointError
    ? { error: { code: error.code, message: error.message } }
    : { error: { code: 'INTERNAL', message: 'The broker failed to handle this; its log says why.' } }

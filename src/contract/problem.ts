import { ERROR_CODES, type ErrorCode, HoldpointError } from './error.ts'

/** RFC 9457 problem details, with the stable code that programs branch on. */
export interface ProblemDetails {
  type: string
  title: string
  status: number
  detail: string
  code: ErrorCode
}

export const PROBLEM_TYPE = 'application/problem+json'

/** What an error is over HTTP. What is none of ours is INTERNAL, and keeps its words to the log. */
export function problemOf(error: unknown): ProblemDetails {
  const known = error instanceof HoldpointError && error.code !== 'INTERNAL'
  const code = known ? error.code : 'INTERNAL'
  return {
    type: `https://holdpoint.dev/problems/${code.toLowerCase().replaceAll('_', '-')}`,
    title: ERROR_CODES[code],
    status: HTTP_STATUS[code],
    detail: known ? error.message.toWellFormed() : 'Holdpoint failed to handle this; its log says why.',
    code,
  }
}

export const HTTP_STATUS: Readonly<Record<ErrorCode, number>> = {
  INVALID_INPUT: 400,
  PAYLOAD_TOO_LARGE: 413,
  UNKNOWN_AGENT: 404,
  UNKNOWN_REQUEST: 404,
  POLICY_DENIED: 403,
  APPROVAL_DENIED: 403,
  AGENT_FROZEN: 403,
  APPROVAL_EXPIRED: 409,
  APPROVAL_CANCELLED: 409,
  APPROVAL_LAPSED: 409,
  APPROVAL_REVOKED: 409,
  APPROVAL_IMPOSSIBLE: 409,
  ALREADY_SPENT: 409,
  BROKER_UNAVAILABLE: 503,
  POLICY_UNAVAILABLE: 503,
  LEDGER_UNAVAILABLE: 503,
  UNAUTHENTICATED: 401,
  NOT_A_REVIEWER: 403,
  SELF_APPROVAL: 403,
  ASSURANCE_TOO_LOW: 403,
  OPEN_FULL_PAGE: 403,
  CARD_MISMATCH: 409,
  ALREADY_DECIDED: 409,
  ALREADY_REVIEWED: 409,
  NOT_PERMITTED: 403,
  TOO_EARLY: 409,
  ERASED: 410,
  NOT_THE_REQUESTER: 403,
  CROSS_SITE: 403,
  BAD_SIGNATURE: 401,
  ADDRESS_REFUSED: 400,
  UNTRUSTED: 502,
  STALE: 409,
  WARRANT_REQUIRED: 403,
  WARRANT_MISMATCH: 403,
  LEDGER_CORRUPT: 503,
  INVALID_CONFIG: 500,
  INVALID_POLICY: 400,
  UNAVAILABLE: 503,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  TOO_MANY: 429,
  INTERNAL: 500,
}

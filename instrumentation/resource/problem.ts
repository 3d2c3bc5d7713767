import { type ErrorCode, HoldpointError, PROBLEM_TYPE, type ProblemDetails, problemOf } from '#contract'
import type { ResourceRefusal } from '#gate'

/** A refusal as it goes over HTTP. */
export interface Problem {
  status: number
  headers: Record<string, string>
  body: string
}

interface WarrantProblem extends ProblemDetails {
  /** Where to ask for the approval: an attempt's `resource`. */
  resource: string
  requestId?: string
}

/**
 * RFC 9457. A warrant is no credential of HTTP authentication, and nobody should be made to sign in again for want of
 * one: so it is never 401 (RFC 9110, 15.5.2), whose challenge names a scheme, but 403 (15.5.4) with a code and with the
 * resource at which to ask. 503 says that nobody has judged it.
 */
export function problemFor({ code, reason, requestId }: ResourceRefusal, resource: string): Problem {
  const status = statusOf(code)
  const known = problemOf(new HoldpointError(code, reason))
  const problem: WarrantProblem = { ...known, status, resource, ...(requestId && { requestId }) }
  return {
    status,
    headers: {
      'content-type': PROBLEM_TYPE,
      'cache-control': 'no-store',
      ...(status === 503 ? { 'retry-after': RETRY_AFTER_S } : {}),
    },
    body: JSON.stringify(problem),
  }
}

const RETRY_AFTER_S = '5'

function statusOf(code: ErrorCode): number {
  if (NOBODY_HAS_JUDGED.has(code)) return 503
  if (code === 'INVALID_INPUT') return 400
  if (code === 'PAYLOAD_TOO_LARGE') return 413
  return 403
}

const NOBODY_HAS_JUDGED: ReadonlySet<ErrorCode> = new Set([
  'BROKER_UNAVAILABLE',
  'POLICY_UNAVAILABLE',
  'LEDGER_UNAVAILABLE',
  'UNAVAILABLE',
  'TOO_MANY',
  'INVALID_CONFIG',
  'INTERNAL',
])

/** What an application's own code throws is a request that cannot be understood; its words may be anybody's. */
export const refusalOf = (error: unknown): ResourceRefusal =>
  error instanceof HoldpointError
    ? { code: error.code, reason: error.message }
    : { code: 'INVALID_INPUT', reason: 'The request does not say what is to be done.' }

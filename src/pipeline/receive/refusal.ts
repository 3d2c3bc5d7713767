import { HoldpointError } from '#contract'
import type { Status } from './messages.ts'

/** google.rpc.Code, as far as it is used here. */
export const CODE = {
  ok: 0,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const

/** What a sender is told whose request was not accepted, by either protocol. */
export interface Refusal extends Status {
  http: number
}

/** A request that is refused for how it was sent, before anybody has looked into it. */
export class Refused extends Error {
  readonly refusal: Refusal

  constructor(http: number, code: number, message: string) {
    super(message)
    this.refusal = { http, code, message }
  }
}

const RETRY_AFTER_S = 5

/**
 * https://opentelemetry.io/docs/specs/otlp/#failures: senders drop for good what is refused without saying when to
 * come again, and RESOURCE_EXHAUSTED means either, so a fault that may pass is never one that is told without it.
 */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof Refused) return error.refusal
  if (!(error instanceof HoldpointError)) return OURS
  const { code, message, retryable } = error
  switch (code) {
    case 'INVALID_INPUT':
      return { http: 400, code: CODE.invalidArgument, message }
    case 'UNAUTHENTICATED':
      return { http: 401, code: CODE.unauthenticated, message }
    case 'PAYLOAD_TOO_LARGE':
      return { http: 413, code: CODE.resourceExhausted, message }
    case 'TOO_MANY':
      return { http: 429, code: CODE.resourceExhausted, message, retryAfterS: RETRY_AFTER_S }
    default:
      return retryable || code === 'UNAVAILABLE'
        ? { http: 503, code: CODE.unavailable, message, retryAfterS: RETRY_AFTER_S }
        : OURS
  }
}

/** What went wrong inside is nobody else's business. */
const OURS: Refusal = {
  http: 500,
  code: CODE.internal,
  message: 'the request could not be handled; the log says why',
}

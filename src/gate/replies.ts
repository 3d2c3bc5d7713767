import {
  type ClaimReply,
  check,
  describe,
  digestShape,
  type ErrorCode,
  type Frozen,
  type HeartbeatReply,
  type HelloReply,
  type Hint,
  HoldpointError,
  integer,
  isErrorCode,
  list,
  literal,
  object,
  optional,
  principalShape,
  type RequestReply,
  type Shape,
  text,
  variant,
} from '#contract'

/**
 * What the broker may answer. Whoever answers is not believed for it: what counts is signed inside.
 * An answer of another shape is as good as none.
 */
export function readReply<T>(shape: Shape<T>, value: unknown, place: string): T {
  const checked = check(shape, value)
  if (checked.ok) return checked.value
  const problems = checked.problems.slice(0, 5).map(describe).join('; ')
  throw new HoldpointError(
    'BROKER_UNAVAILABLE',
    `The broker's answer to ${place} cannot be read: ${problems}`,
  )
}

const jws = text({ min: 1, max: 2_000_000 })
const requestId = text({ min: 1, max: 200 })
const code: Shape<ErrorCode> = (value, at, report) =>
  isErrorCode(value) ? value : report(at, 'an error code', value)

const frozen: Shape<Frozen> = object({ sinceMs: integer(), by: text({ max: 500 }) })

export const helloReplyShape: Shape<HelloReply> = object({
  keySet: jws,
  policy: jws,
  registration: jws,
  ledgerTimeMs: integer(),
  heartbeatMs: integer({ min: 20, max: 600_000 }),
  frozen: optional(frozen),
})

const salt = text({
  min: 22,
  max: 100,
  pattern: /^[A-Za-z0-9_-]+$/,
  like: '128 bits or more in base64url',
})

export const requestReplyShape = variant('status', {
  held: object({
    status: literal('held'),
    requestId,
    salt,
    actionDigest: digestShape,
    onBehalfOf: list(principalShape, { max: 8 }),
    expiresAtMs: integer(),
  }),
  denied: object({
    status: literal('denied'),
    code,
    reason: text({ max: 4000 }),
    rule: text({ max: 200 }),
    requestId: optional(requestId),
    retryAfterMs: optional(integer({ min: 0 })),
  }),
  allowed: object({
    status: literal('allowed'),
    rule: text({ max: 200 }),
    salt,
    onBehalfOf: list(principalShape, { max: 8 }),
    permit: jws,
  }),
} as Record<string, Shape<unknown>>) as Shape<RequestReply>

const notApproved = (status: 'denied' | 'expired' | 'cancelled') =>
  object({
    status: literal(status),
    reason: optional(text({ max: 4000 })),
    by: list(
      object({
        iss: text({ max: 500 }),
        sub: text({ max: 500 }),
        name: text({ max: 500 }),
        channel: text({ max: 64 }),
        assurance: text({ max: 64 }),
      }),
      { max: 20 },
    ),
  })

export const claimReplyShape = variant('status', {
  pending: object({ status: literal('pending') }),
  approved: object({ status: literal('approved'), warrant: jws }),
  denied: notApproved('denied'),
  expired: notApproved('expired'),
  cancelled: notApproved('cancelled'),
  spent: object({
    status: literal('spent'),
    code: literal('ALREADY_SPENT', 'APPROVAL_LAPSED', 'APPROVAL_REVOKED'),
  }),
} as Record<string, Shape<unknown>>) as Shape<ClaimReply>

export const consumeReplyShape = object({ consumed: jws })

export const heartbeatReplyShape: Shape<HeartbeatReply> = object({
  settled: list(requestId, { max: 10_000 }),
  policyVersion: integer(),
  keySetVersion: integer(),
  frozen: optional(frozen),
})

export const hintShape = variant('hint', {
  settled: object({ hint: literal('settled'), requestId }),
  trust: object({ hint: literal('trust') }),
} as Record<string, Shape<unknown>>) as Shape<Hint>

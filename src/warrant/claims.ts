import {
  ALLOWED_LIFE_S,
  type AllowedClaims,
  type ConsumedClaims,
  type Digest,
  type EnforcementPoint,
  type ErrorCode,
  HoldpointError,
  type Principal,
  samePrincipal,
  type TraceRef,
  WARRANT_LIFE_S,
  type WarrantClaims,
} from '#contract'

/** What the enforcement point itself knows of the action that it is about to run. */
export interface ExpectedWarrant {
  aud: EnforcementPoint
  requestId: string
  actionDigest: Digest
  trace: TraceRef
  precondition?: string
}

export interface ExpectedConsumed {
  aud: EnforcementPoint
  requestId: string
  nonce: string
  actionDigest: Digest
}

export interface ExpectedAllowed {
  aud: EnforcementPoint
  attempt: string
  actionDigest: Digest
}

/** How far another machine's clock may run ahead of ours, seconds. Nothing lives longer because of it. */
export const CLOCK_LEEWAY_S = 30

interface Context {
  /** Of the current key set: the one issuer, and the name of the ledger. */
  origin: string
  nowS: number
}

/** Throws STALE when it has expired, otherwise WARRANT_MISMATCH naming the first claim that differs. */
export function checkWarrant(
  claims: WarrantClaims,
  expected: ExpectedWarrant,
  { origin, nowS }: Context,
): void {
  const [detail] = claims.authorization_details
  checkTimes('warrant', claims, nowS)
  same('warrant: iss', claims.iss, origin)
  same('warrant: aud', claims.aud, expected.aud)
  same('warrant: act.iss', claims.act.iss, origin)
  same('warrant: jti', claims.jti, expected.requestId)
  same('warrant: txn', claims.txn, expected.requestId)
  same('warrant: action_digest', detail.action_digest, expected.actionDigest)
  same('warrant: precondition', detail.precondition, expected.precondition)
  same('warrant: trace_id', claims.hp.runtime.trace_id, expected.trace.traceId)
  same('warrant: span_id', claims.hp.runtime.span_id, expected.trace.spanId)
  checkLedgerOrigin('warrant', claims.hp.ledger.origin, origin)
  checkApprovals(claims)
}

/** Throws as checkWarrant does. */
export function checkConsumed(
  claims: ConsumedClaims,
  expected: ExpectedConsumed,
  { origin, nowS }: Context,
): void {
  checkTimes('consume answer', { ...claims, nbf: claims.iat }, nowS)
  same('consume answer: iss', claims.iss, origin)
  same('consume answer: aud', claims.aud, expected.aud)
  same('consume answer: jti', claims.jti, expected.requestId)
  same('consume answer: nonce', claims.nonce, expected.nonce)
  same('consume answer: action_digest', claims.action_digest, expected.actionDigest)
  checkLedgerOrigin('consume answer', claims.ledger.origin, origin)
}

/** Throws as checkWarrant does. */
export function checkAllowed(
  claims: AllowedClaims,
  expected: ExpectedAllowed,
  { origin, nowS }: Context,
): void {
  checkTimes('allowance', { ...claims, nbf: claims.iat }, nowS, ALLOWED_LIFE_S)
  same('allowance: iss', claims.iss, origin)
  same('allowance: aud', claims.aud, expected.aud)
  same('allowance: attempt', claims.attempt, expected.attempt)
  same('allowance: action_digest', claims.action_digest, expected.actionDigest)
}

function checkTimes(
  what: string,
  claims: { iat: number; nbf: number; exp: number },
  nowS: number,
  mostS = WARRANT_LIFE_S,
): void {
  checkNotExpired(what, claims, nowS)
  checkIssued(what, claims, nowS, 'WARRANT_MISMATCH')
  if (!(claims.nbf <= nowS + CLOCK_LEEWAY_S)) throw mismatch(`${what}: nbf ${claims.nbf} is in the future`)
  const lifeS = claims.exp - claims.iat
  if (!(lifeS > 0 && lifeS <= mostS))
    throw mismatch(`${what}: it lives for ${lifeS} s, expected 1 to ${mostS} s`)
}

// Both comparisons are written so that a clock that is not a number refuses.
export function checkNotExpired(what: string, { exp }: { exp: number }, nowS: number): void {
  if (!(nowS < exp)) throw new HoldpointError('STALE', `${what}: it expired at ${exp}, and it is ${nowS} now`)
}

export function checkIssued(what: string, { iat }: { iat: number }, nowS: number, code: ErrorCode): void {
  if (!(iat <= nowS + CLOCK_LEEWAY_S)) throw new HoldpointError(code, `${what}: iat ${iat} is in the future`)
}

/** Each epoch of the ledger is a log of its own, named below the origin. */
function checkLedgerOrigin(what: string, found: string, origin: string): void {
  if (found !== origin && !found.startsWith(`${origin}/`))
    throw mismatch(`${what}: ledger ${JSON.stringify(found)}`)
}

/** Against a broker that counts one person twice, or lets the agent release its own work. */
function checkApprovals({ act, hp: { approvals } }: WarrantClaims): void {
  if (approvals.length === 0) throw mismatch('warrant: no approvals')
  const seen: Principal[] = []
  for (const approval of approvals) {
    if (seen.some((other) => samePrincipal(other, approval)))
      throw mismatch(`warrant: ${JSON.stringify(approval.sub)} is counted twice`)
    if (samePrincipal(approval, act)) throw mismatch('warrant: the agent approved its own action')
    seen.push(approval)
  }
}

function same(what: string, found: string | undefined, expected: string | undefined): void {
  if (found !== expected)
    throw mismatch(`${what} is ${JSON.stringify(found)}, expected ${JSON.stringify(expected)}`)
}

const mismatch = (message: string): HoldpointError => new HoldpointError('WARRANT_MISMATCH', message)

import {
  type DecidedEntry,
  type LedgerEntry,
  type OutcomeEntry,
  type RequestedEntry,
  type RequestState,
  type RequestSummary,
  type ReviewEntry,
  type SpentEntry,
  samePrincipal,
} from '#contract'
import type { Position } from './commit.ts'

/** One request as the ledger tells it. It is a projection: losing it costs a replay, never a fact. */
export interface Request {
  requested: RequestedEntry
  /** In the order of the ledger, whichever order they were heard of in. */
  reviews: (ReviewEntry & Position)[]
  decided?: DecidedEntry & Position
  spent?: SpentEntry & Position
  outcome?: OutcomeEntry
}

export interface Requests {
  /** Applies a committed entry. Applying it again changes nothing, so commit and replay may overlap. */
  apply(entry: LedgerEntry, position: Position): void
  get(requestId: string): Request | undefined
  /** Undecided ones, oldest first. */
  pending(): Iterable<Request>
  pendingCount(): number
  /** Approved and not yet spent, or consumed and without outcome. */
  unfinished(): Iterable<Request>
  all(): Iterable<Request>
}

export function createRequests(): Requests {
  const byId = new Map<string, Request>()
  const pending = new Map<string, Request>()
  const unfinished = new Map<string, Request>()

  function apply(entry: LedgerEntry, position: Position): void {
    if (entry.type === 'policy') return
    const { requestId } = entry
    if (entry.type === 'requested') {
      if (byId.has(requestId)) return
      const request: Request = { requested: entry, reviews: [] }
      byId.set(requestId, request)
      pending.set(requestId, request)
      return
    }
    const request = byId.get(requestId)
    if (!request) return
    switch (entry.type) {
      case 'review':
        if (request.reviews.some(({ reviewer }) => samePrincipal(reviewer, entry.reviewer))) break
        request.reviews.push({ ...entry, ...position })
        request.reviews.sort((one, other) => one.index - other.index)
        break
      case 'decided':
        request.decided ??= { ...entry, ...position }
        pending.delete(requestId)
        if (entry.decision === 'approved' && !request.spent) unfinished.set(requestId, request)
        break
      case 'spent':
        request.spent ??= { ...entry, ...position }
        if (entry.spend !== 'consumed' || request.outcome) unfinished.delete(requestId)
        break
      case 'outcome':
        request.outcome ??= entry
        unfinished.delete(requestId)
        break
    }
  }

  return {
    apply,
    get: (requestId) => byId.get(requestId),
    pending: () => pending.values(),
    pendingCount: () => pending.size,
    unfinished: () => unfinished.values(),
    all: () => byId.values(),
  }
}

export function stateOf({ decided, spent, outcome }: Request): RequestState {
  return outcome?.outcome ?? spent?.spend ?? decided?.decision ?? 'pending'
}

export function summarise(request: Request): RequestSummary {
  const { requested, reviews } = request
  return {
    requestId: requested.requestId,
    state: stateOf(request),
    agent: requested.agent.name,
    environment: requested.environment,
    kind: requested.kind,
    name: requested.name,
    ...(requested.target === undefined ? {} : { target: requested.target }),
    rule: requested.ruling.rule,
    ...(requested.ruling.risk === undefined ? {} : { risk: requested.ruling.risk }),
    requestedAtMs: requested.at,
    expiresAtMs: requested.expiresAt,
    threshold: requested.approvals.threshold,
    from: requested.approvals.from,
    reviews: reviews.map(({ reviewer: { name, iss, sub }, verdict, at }) => ({
      name,
      iss,
      sub,
      verdict,
      atMs: at,
    })),
  }
}

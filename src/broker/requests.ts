import {
  type DecidedEntry,
  isOfRequest,
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
import { type AgentCounts, createCounts } from './counts.ts'
import { createOrdered } from './ordered.ts'

/** One request as the ledger tells it. It is a projection: losing it costs a replay, never a fact. */
export interface Request {
  requested: RequestedEntry & Position
  /** In the order of the ledger, whichever order they were heard of in. */
  reviews: (ReviewEntry & Position)[]
  decided?: DecidedEntry & Position
  spent?: SpentEntry & Position
  outcome?: OutcomeEntry & Position
}

export interface Requests {
  /** Applies a committed entry. Applying it again changes nothing, so commit and replay may overlap. */
  apply(entry: LedgerEntry, position: Position): void
  get(requestId: string): Request | undefined
  /** Undecided ones, oldest first. Not to be kept: it goes on living. */
  pending(): readonly Request[]
  pendingCount(): number
  /** Approved and not yet spent, or consumed and without outcome. */
  unfinished(): Iterable<Request>
  /** Oldest first. Not to be kept either. */
  all(): readonly Request[]
  /** How the requests of one agent went so far. */
  countsOf(agentId: string): AgentCounts
}

export function createRequests(): Requests {
  const byId = new Map<string, Request>()
  const all = createOrdered<Request>(indexOf)
  const pending = createOrdered<Request>(indexOf)
  const unfinished = new Map<string, Request>()
  const counts = createCounts()

  function apply(entry: LedgerEntry, position: Position): void {
    if (!isOfRequest(entry)) return
    const { requestId } = entry
    if (entry.type === 'requested') {
      if (byId.has(requestId)) return
      const request: Request = { requested: { ...entry, ...position }, reviews: [] }
      byId.set(requestId, request)
      all.add(request)
      pending.add(request)
      counts.opened(entry.agent.sub)
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
        if (request.decided) break
        request.decided = { ...entry, ...position }
        pending.remove(request)
        counts.decided(request.requested.agent.sub, entry.decision)
        if (entry.decision === 'approved' && !request.spent) unfinished.set(requestId, request)
        break
      case 'spent':
        request.spent ??= { ...entry, ...position }
        if (entry.spend !== 'consumed' || request.outcome) unfinished.delete(requestId)
        break
      case 'outcome':
        request.outcome ??= { ...entry, ...position }
        unfinished.delete(requestId)
        break
    }
  }

  return {
    apply,
    get: (requestId) => byId.get(requestId),
    pending: pending.items,
    pendingCount: () => pending.items().length,
    unfinished: () => unfinished.values(),
    all: all.items,
    countsOf: counts.of,
  }
}

/** A request's place among all others: where the ledger has it, whoever was told first. */
export const indexOf = ({ requested }: Request): number => requested.index

export function stateOf({ decided, spent, outcome }: Request): RequestState {
  return outcome?.outcome ?? spent?.spend ?? decided?.decision ?? 'pending'
}

export function summarise(request: Request): RequestSummary {
  const { requested, reviews, decided } = request
  return {
    requestId: requested.requestId,
    state: stateOf(request),
    agent: requested.agent.name,
    agentId: requested.agent.sub,
    environment: requested.environment,
    kind: requested.kind,
    name: requested.name,
    ...(requested.target === undefined ? {} : { target: requested.target }),
    rule: requested.ruling.rule,
    ...(requested.ruling.risk === undefined ? {} : { risk: requested.ruling.risk }),
    requestedAtMs: requested.at,
    expiresAtMs: requested.expiresAt,
    ...(decided === undefined ? {} : { decidedAtMs: decided.at }),
    ...requested.approvals,
    reviews: reviews.map(({ reviewer: { name, iss, sub }, verdict, at, groups, index }) => ({
      name,
      iss,
      sub,
      verdict,
      atMs: at,
      ...(groups === undefined ? {} : { groups }),
      ...(decided !== undefined && index > decided.index ? { late: true } : {}),
    })),
  }
}

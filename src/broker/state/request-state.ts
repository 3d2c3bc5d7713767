import {
  type DecidedEntry,
  type ErasedEntry,
  epochOf,
  type OutcomeEntry,
  type RequestedEntry,
  type RequestState,
  type RequestSummary,
  type ReviewEntry,
  type SpentEntry,
} from '#contract'
import type { Position } from '../history/commit.ts'

/** One request as the ledger tells it. It is a projection: losing it costs a replay, never a fact. */
export interface Request {
  requested: RequestedEntry & Position
  /** In the order of the ledger, whichever order they were heard of in. */
  reviews: (ReviewEntry & Position)[]
  decided?: DecidedEntry & Position
  spent?: SpentEntry & Position
  outcome?: OutcomeEntry & Position
  erased?: ErasedEntry & Position
}

/** More than any epoch has entries. */
const EPOCH_ENTRIES = 2 ** 36

/** A request's place among all others: where the ledger has it, whoever was told first. Later epochs come later. */
export const indexOf = ({ requested: { requestId, index } }: Request): number =>
  epochOf(requestId) * EPOCH_ENTRIES + index

/** Whose the approval is to spend: the resource's that guards the action, else the requester's. */
export const spenderOf = ({ requested: { enforcement, agent } }: Request): string =>
  enforcement.startsWith(RESOURCE) ? enforcement.slice(RESOURCE.length) : agent.sub

const RESOURCE = 'resource:'

export function stateOf({ decided, spent, outcome }: Request): RequestState {
  return outcome?.outcome ?? spent?.spend ?? decided?.decision ?? 'pending'
}

/** The entry after which no arrow leads on; undefined while one does. */
export function endOf({ decided, spent, outcome }: Request): Position | undefined {
  if (!decided) return undefined
  if (decided.decision !== 'approved') return decided
  return spent?.spend === 'consumed' ? outcome : spent
}

export function summarise(request: Request): RequestSummary {
  const { requested, reviews, decided } = request
  const { threshold, from, assurance, all, denials, escalate } = requested.approvals
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
    threshold,
    from,
    assurance,
    ...(all === undefined ? {} : { all }),
    ...(denials === undefined ? {} : { denials }),
    ...(escalate === undefined ? {} : { escalate }),
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

import {
  isOfRequest,
  type LedgerEntry,
  type RequestEntry,
  type RequestedEntry,
  samePrincipal,
} from '#contract'
import type { Position } from '../history/commit.ts'
import { createCompact } from './compact.ts'
import { type AgentCounts, createCounts } from './counts.ts'
import { createLive, type Party, type Slot } from './live.ts'
import { createOrdered } from './ordered.ts'
import type { Projection } from './projection.ts'
import { endOf, indexOf, type Request } from './request-state.ts'
import { projectRequests } from './requests-projection.ts'

export { indexOf, type Request, spenderOf, stateOf, summarise } from './request-state.ts'

/** The requests that are not over, and of the others those that ended last. What left is in the ledger: `past.ts`. */
export interface Requests {
  /** Applies a committed entry. Applying it again changes nothing, so commit and replay may overlap. */
  apply(entry: LedgerEntry, position: Position): void
  get(requestId: string): Request | undefined
  /** Undecided ones, oldest first. Not to be kept: it goes on living. */
  pending(): readonly Request[]
  pendingCount(): number
  /** Approved and not yet spent, or consumed and without outcome. */
  unfinished(): Iterable<Request>
  /** Pending or unfinished, of one agent. */
  ofAgent(agentId: string): Iterable<Request>
  /** Those in memory, oldest first. Not to be kept either. */
  all(): readonly Request[]
  /** Of all the requests of one agent, those that left memory among them. */
  countsOf(agentId: string): AgentCounts
  /** Whether there are requests in the ledger that are not in memory any more. */
  haveLeft(): boolean
  /** Expired, to be escalated, or lapsed. Each stays due until that is written, or its next step is taken. */
  due(nowMs: number): Request[]
  /** Takes the step of its escalation that has come, and returns its number, from 1; undefined where there is none. */
  nextStep(request: Request): number | undefined
  /** With a review that may decide it. */
  toDecide(): Request[]
  /** What is known of its reviews does not decide it. */
  looked(request: Request): void
  /** Those that have reviews are to be looked at again. */
  peopleChanged(): void
  /** Processes that wait for something, or have begun something. */
  parties(): Iterable<Party>
  projection: Projection
}

const KEPT = 10_000

export function createRequests({ kept = KEPT } = {}): Requests {
  const slots = new Map<string, Slot>()
  const all = createOrdered<Request>(indexOf)
  const live = createLive()
  const counts = createCounts()
  const compact = createCompact()

  function apply(entry: LedgerEntry, position: Position): void {
    if (!isOfRequest(entry)) return
    const slot = slots.get(entry.requestId)
    if (slot) applyTo(slot, entry, position)
    else if (entry.type === 'requested') open(entry, position)
  }

  function open(entry: RequestedEntry, position: Position): void {
    const request: Request = { requested: compact.requested(entry, position), reviews: NONE }
    const opened: Slot = { request, party: undefined, steps: 0, dueAtMs: 0, place: -1 }
    slots.set(request.requested.requestId, opened)
    all.add(request)
    live.opened(opened)
    counts.opened(entry.agent.sub)
  }

  function applyTo(slot: Slot, entry: RequestEntry, position: Position): void {
    const { request } = slot
    if (!add(request, entry, position)) return
    if (entry.type === 'review') live.reviewed(request)
    if (entry.type === 'spent') live.spent(slot)
    if (entry.type === 'outcome' && endOf(request)) live.ended(slot)
    if (entry.type !== 'decided') return
    live.decided(slot)
    counts.decided(request.requested.agent.sub, entry.decision)
  }

  function forget(request: Request): void {
    slots.delete(request.requested.requestId)
    all.remove(request)
  }

  const get = (requestId: string): Request | undefined => slots.get(requestId)?.request
  const projection = projectRequests(kept, {
    apply,
    get,
    forget,
    all: all.items,
    clear() {
      for (const part of [slots, all, live, counts]) part.clear()
    },
    counts,
  })

  return {
    apply,
    get,
    pending: live.pending,
    pendingCount: live.pendingCount,
    unfinished: live.unfinished,
    ofAgent: live.ofAgent,
    all: all.items,
    countsOf: counts.of,
    haveLeft: projection.haveLeft,
    due: (nowMs) => live.due(nowMs).map(({ request }) => request),
    nextStep(request) {
      const slot = slots.get(request.requested.requestId)
      return slot && live.nextStep(slot)
    },
    toDecide: live.toDecide,
    looked: live.looked,
    peopleChanged: live.peopleChanged,
    parties: live.parties,
    projection,
  }
}

/** Shared by all that nobody has reviewed, and never written to. */
const NONE = Object.freeze([]) as unknown as Request['reviews']

/** What an entry adds to a request; false where it was known. */
export function add(request: Request, entry: RequestEntry, position: Position): boolean {
  if (entry.type === 'requested') return false
  if (entry.type === 'review') {
    if (request.reviews.some(({ reviewer }) => samePrincipal(reviewer, entry.reviewer))) return false
    request.reviews = [...request.reviews, { ...entry, ...position }].sort(byIndex)
    return true
  }
  if (request[entry.type]) return false
  Object.assign(request, { [entry.type]: { ...entry, ...position } })
  return true
}

const byIndex = (one: Position, other: Position): number => one.index - other.index

import { createDueQueue, type Waiting } from './due.ts'
import { createOrdered } from './ordered.ts'
import { endOf, indexOf, type Request, spenderOf } from './request-state.ts'

/** What the broker keeps of a request beside what the ledger says. */
export interface Slot extends Waiting {
  request: Request
  party: Party | undefined
  /** How many of the steps of its escalation have been taken here. */
  steps: number
}

/** One process, as long as something that it asked for, or runs, goes on. */
export interface Party {
  /** Whose process it is: the requester's, or that of the resource that runs it. */
  agentId: string
  /** Absent where nobody waits: then nobody can be lost. */
  process: string | undefined
  /** When the ledger last says that it lived. */
  sinceMs: number
  requests: Set<Request>
}

/** The requests that are not over, by everything that may happen to them next. */
export function createLive() {
  const pending = createOrdered<Request>(indexOf)
  const unfinished = new Set<Request>()
  const queue = createDueQueue<Slot>()
  const reviewed = new Set<Request>()
  const parties = new Map<string, Map<string, Party>>()

  function join(slot: Slot, agentId: string, process: string | undefined, atMs: number): void {
    const { agent } = slot.request.requested
    const ofAgent = parties.get(agent.sub) ?? new Map<string, Party>()
    parties.set(agent.sub, ofAgent)
    const key = keyOf({ agentId, process })
    const party = ofAgent.get(key) ?? { agentId, process, sinceMs: atMs, requests: new Set() }
    ofAgent.set(key, party)
    party.sinceMs = Math.max(party.sinceMs, atMs)
    party.requests.add(slot.request)
    slot.party = party
  }

  function leave({ request, party }: Slot): void {
    const { agent } = request.requested
    const ofAgent = parties.get(agent.sub)
    if (!ofAgent || !party?.requests.delete(request) || party.requests.size > 0) return
    ofAgent.delete(keyOf(party))
    if (ofAgent.size === 0) parties.delete(agent.sub)
  }

  /** From now on it is the process that runs it whose silence counts. */
  function moveToRunner(slot: Slot): void {
    const { spent } = slot.request
    if (spent?.process === undefined || spent.process === slot.party?.process) return
    leave(slot)
    join(slot, spenderOf(slot.request), spent.process, spent.at)
  }

  function ended(slot: Slot): void {
    queue.remove(slot)
    unfinished.delete(slot.request)
    leave(slot)
  }

  return {
    opened(slot: Slot): void {
      pending.add(slot.request)
      const { agent, process, at } = slot.request.requested
      join(slot, agent.sub, process, at)
      queue.put(slot, pendingUntilMs(slot))
    },
    reviewed(request: Request): void {
      if (!request.decided) reviewed.add(request)
    },
    decided(slot: Slot): void {
      const { request } = slot
      const { decided, requested } = request
      pending.remove(request)
      reviewed.delete(request)
      if (endOf(request)) ended(slot)
      else unfinished.add(request)
      // The moment after the last at which it is good.
      if (decided?.decision === 'approved' && !request.spent)
        queue.put(slot, decided.at + requested.validForMs + 1)
    },
    spent(slot: Slot): void {
      if (endOf(slot.request)) ended(slot)
      else {
        queue.remove(slot)
        moveToRunner(slot)
      }
    },
    ended,
    /** The number of the step of its escalation that comes now, from 1; it waits for the one after that. */
    nextStep(slot: Slot): number | undefined {
      const { approvals } = slot.request.requested
      if (slot.request.decided || slot.steps >= (approvals.escalate?.length ?? 0)) return undefined
      slot.steps++
      queue.put(slot, pendingUntilMs(slot))
      return slot.steps
    },
    /** Who is one person has changed: what has reviews may be decided by them now. */
    peopleChanged(): void {
      for (const request of pending.items()) if (request.reviews.length > 0) reviewed.add(request)
    },
    /** No review that is known decides it: the next one may. */
    looked: (request: Request): void => void reviewed.delete(request),
    pending: pending.items,
    pendingCount: pending.size,
    unfinished: (): Iterable<Request> => unfinished,
    due: (nowMs: number): Slot[] => queue.due(nowMs),
    toDecide: (): Request[] => [...reviewed],
    *parties(): Generator<Party> {
      for (const ofAgent of parties.values()) yield* ofAgent.values()
    },
    *ofAgent(agentId: string): Generator<Request> {
      for (const { requests } of parties.get(agentId)?.values() ?? []) yield* requests
    },
    clear(): void {
      pending.clear()
      unfinished.clear()
      queue.clear()
      reviewed.clear()
      parties.clear()
    },
  }
}

const keyOf = ({ agentId, process }: Pick<Party, 'agentId' | 'process'>): string =>
  `${agentId}.${process ?? ''}`

/** The next step of its escalation, or its end. */
function pendingUntilMs({ request: { requested }, steps }: Slot): number {
  const next = requested.approvals.escalate?.[steps]
  return next === undefined ? requested.expiresAt : Math.min(requested.at + next.afterMs, requested.expiresAt)
}

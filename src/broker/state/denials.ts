import {
  type Action,
  type DecidedEntry,
  integer,
  isOfRequest,
  type JsonValue,
  type LedgerEntry,
  list,
  type NamedPrincipal,
  namedPrincipalShape,
  object,
  optional,
  parse,
  type RequestedEntry,
  text,
} from '#contract'
import type { Position } from '../history/commit.ts'
import type { Projection } from './projection.ts'

/** What people have denied of late: a projection of the ledger, so every replica remembers the same. */
export interface Denials {
  /** Applies a committed entry, a decision while its request is still known. Applying it again changes nothing. */
  apply(entry: LedgerEntry, position: Position): void
  /** The denial that still answers this action, by its repeat key. */
  of(repeatKey: string): Denial | undefined
  /** How often this agent was denied this name on this target within the last hour, whatever the arguments. */
  countOf(agentId: string, action: About): number
  /** When this agent was denied anything within the last hour, oldest first. */
  timesOf(agentId: string): number[]
  /** How many are remembered. */
  size(): number
  projection: Projection
}

export interface Denial {
  requestId: string
  atMs: number
  by: NamedPrincipal[]
}

type About = Pick<Action, 'kind' | 'name' | 'target'>

interface Saved extends Denial {
  agentId: string
  about: string
  repeatKey?: string
  untilMs: number
}

export const RECENT_MS = 3_600_000

export function createDenials(deps: {
  /** What the ledger says of a request that is being decided. */
  requestedOf(requestId: string): RequestedEntry | undefined
  now: () => number
}): Denials {
  const { now } = deps
  const byRequest = new Map<string, Saved>()
  const byKey = new Map<string, Saved>()
  const byAgent = new Map<string, Set<Saved>>()
  let mostBeforePruning = 100

  function apply(entry: LedgerEntry): void {
    // Expired and cancelled are no denials: nobody has judged the action.
    if (!isOfRequest(entry) || entry.type !== 'decided' || entry.decision !== 'denied') return
    const requested = deps.requestedOf(entry.requestId)
    if (requested && !byRequest.has(entry.requestId)) remember(denialOf(requested, entry))
  }

  function remember(denial: Saved): void {
    if (isOver(denial)) return
    byRequest.set(denial.requestId, denial)
    byAgent.set(denial.agentId, (byAgent.get(denial.agentId) ?? new Set()).add(denial))
    const { repeatKey } = denial
    if (repeatKey !== undefined && denial.untilMs >= (byKey.get(repeatKey)?.untilMs ?? 0))
      byKey.set(repeatKey, denial)
    if (byRequest.size > mostBeforePruning) prune()
  }

  const isOver = ({ atMs, untilMs }: Saved): boolean => now() >= Math.max(atMs + RECENT_MS, untilMs)

  /** What is over is dropped whenever there is twice as much, so that a turn costs little for each denial. */
  function prune(): void {
    for (const [requestId, denial] of byRequest) {
      if (!isOver(denial)) continue
      const { repeatKey = '', agentId } = denial
      byRequest.delete(requestId)
      if (byKey.get(repeatKey) === denial) byKey.delete(repeatKey)
      byAgent.get(agentId)?.delete(denial)
      if (byAgent.get(agentId)?.size === 0) byAgent.delete(agentId)
    }
    mostBeforePruning = 2 * byRequest.size + 100
  }

  const recent = (agentId: string): Saved[] =>
    [...(byAgent.get(agentId) ?? [])].filter(({ atMs }) => now() < atMs + RECENT_MS)

  return {
    apply,
    of(repeatKey) {
      const denial = byKey.get(repeatKey)
      return denial && now() < denial.untilMs ? denial : undefined
    },
    countOf(agentId, action) {
      const about = aboutOf(action)
      return recent(agentId).filter((denial) => denial.about === about).length
    },
    timesOf: (agentId) =>
      recent(agentId)
        .map(({ atMs }) => atMs)
        .sort((one, other) => one - other),
    size: () => byRequest.size,
    projection: {
      apply: (record) => apply(record.entry),
      save() {
        prune()
        return [...byRequest.values()] as unknown as JsonValue[]
      },
      load: (row) => remember(parse(savedShape, row, 'denial') as Saved),
      clear() {
        for (const part of [byRequest, byKey, byAgent]) part.clear()
      },
    },
  }
}

/** Until when it counts, the request's own entry says: a policy of later on changes nothing about it. */
function denialOf(requested: RequestedEntry, { at, requestId, by }: DecidedEntry): Saved {
  const { agent, repeatKey, rememberDenialMs = 0 } = requested
  return {
    requestId,
    atMs: at,
    untilMs: at + rememberDenialMs,
    agentId: agent.sub,
    about: aboutOf(requested),
    by: by.map(({ iss, sub, name }) => ({ iss, sub, name })),
    ...(repeatKey === undefined ? {} : { repeatKey }),
  }
}

const aboutOf = ({ kind, name, target }: About): string => JSON.stringify([kind, name, target ?? null])

const savedShape = object({
  requestId: text({ min: 1, max: 200 }),
  atMs: integer(),
  untilMs: integer(),
  agentId: text({ min: 1, max: 500 }),
  about: text({ max: 20_000 }),
  by: list(namedPrincipalShape, { max: 20 }),
  repeatKey: optional(text({ min: 1, max: 100 })),
})

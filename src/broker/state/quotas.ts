import type { Quotas as Limits } from '#policy'
import { RECENT_MS } from './denials.ts'

/**
 * What one agent may ask of people. What waits and what was denied is known from the ledger, to all replicas alike;
 * the rate is each replica's own, so that n of them let through n times as many at most.
 */
export interface Quotas {
  /** Counts one new attempt, unless it is refused. A repeat of one that is known is not to be counted. */
  take(agentId: string, limits: Limits, known: KnownOfAgent): Quota
  /** Whether this is the agent's first refusal within a minute. */
  isNews(agentId: string): boolean
}

export interface KnownOfAgent {
  pending: number
  /** When the agent was denied something within the last hour, oldest first. */
  denialsAtMs: readonly number[]
}

export type Quota =
  /** `settled` is to be called when the attempt is in the ledger, or has failed to get there. */
  { ok: true; settled(): void } | { ok: false; reason: string; retryAfterMs: number }

/** When somebody will have decided, nobody knows. */
const PENDING_AGAIN_MS = 10_000
const MINUTE_MS = 60_000

export function createQuotas(deps: { now: () => number }): Quotas {
  // By agent, and so as many as are registered.
  const takenAtMs = new Map<string, number[]>()
  const opening = new Map<string, number>()
  const refusedAtMs = new Map<string, number>()
  const openingOf = (agentId: string): number => opening.get(agentId) ?? 0

  /** Those of the last minute, oldest first. */
  function recentOf(agentId: string): number[] {
    const nowMs = deps.now()
    // What seems to come from the future is from before the clock went back.
    const recent = (takenAtMs.get(agentId) ?? []).filter((atMs) => atMs <= nowMs && nowMs < atMs + MINUTE_MS)
    takenAtMs.set(agentId, recent)
    return recent
  }

  function excess(agentId: string, limits: Limits, known: KnownOfAgent): Excess | undefined {
    // Those that other calls are writing right now will wait as well.
    const waiting = known.pending + openingOf(agentId)
    if (waiting >= limits.pending)
      return {
        what: `${waiting} of its requests wait for people`,
        most: limits.pending,
        retryAfterMs: PENDING_AGAIN_MS,
      }
    const denied = known.denialsAtMs
    const lastThatCounts = denied[denied.length - limits.denialsPerHour]
    if (lastThatCounts !== undefined)
      return {
        what: `${denied.length} of its requests were denied within an hour`,
        most: limits.denialsPerHour,
        retryAfterMs: lastThatCounts + RECENT_MS - deps.now(),
      }
    const recent = recentOf(agentId)
    const first = recent[recent.length - limits.perMinute]
    if (first !== undefined)
      return {
        what: `it made ${recent.length} requests within a minute`,
        most: limits.perMinute,
        retryAfterMs: first + MINUTE_MS - deps.now(),
      }
    return undefined
  }

  return {
    take(agentId, limits, known) {
      const found = excess(agentId, limits, known)
      if (found)
        return {
          ok: false,
          reason: `The agent's quota is used up: ${found.what}, and policy allows ${found.most}.`,
          retryAfterMs: Math.max(1, found.retryAfterMs),
        }
      recentOf(agentId).push(deps.now())
      opening.set(agentId, openingOf(agentId) + 1)
      let isSettled = false
      return {
        ok: true,
        settled() {
          if (!isSettled) opening.set(agentId, openingOf(agentId) - 1)
          isSettled = true
        },
      }
    },
    isNews(agentId) {
      const nowMs = deps.now()
      const isNews = Math.abs(nowMs - (refusedAtMs.get(agentId) ?? Number.NEGATIVE_INFINITY)) >= MINUTE_MS
      if (isNews) refusedAtMs.set(agentId, nowMs)
      return isNews
    },
  }
}

interface Excess {
  what: string
  most: number
  retryAfterMs: number
}

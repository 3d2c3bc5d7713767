import type { RequestedEntry } from '#contract'
import type { Position } from '../history/commit.ts'

/** Agents, rules and groups are few. Targets and processes are the agents' to invent, and so it is bounded. */
const MOST_INTERNED = 10_000

export interface Compact {
  /** The same entry, sharing with all others whatever they have in common: a hundred thousand of them wait. */
  requested(entry: RequestedEntry, position: Position): RequestedEntry & Position
}

/** Nothing that it returns may be changed: it belongs to many. */
export function createCompact(): Compact {
  const known = new Map<string, unknown>()

  function share<T>(value: T): T {
    // A text is its own key; the JSON of anything else begins with a sign that no such text is kept under.
    const key = typeof value === 'string' ? `"${value}` : JSON.stringify(value)
    const found = known.get(key)
    if (found !== undefined) return found as T
    if (known.size >= MOST_INTERNED) known.clear()
    known.set(key, value)
    return value
  }

  return {
    requested(entry, { index, leafHash }) {
      // One literal with all of the members that every entry has: objects that grow cost twice as much.
      const compact: RequestedEntry & Position = {
        type: 'requested',
        at: entry.at,
        requestId: entry.requestId,
        actionDigest: entry.actionDigest,
        agent: share(entry.agent),
        owner: share(entry.owner),
        environment: share(entry.environment),
        enforcement: share(entry.enforcement),
        onBehalfOf: share(entry.onBehalfOf),
        kind: share(entry.kind),
        name: share(entry.name),
        trace: entry.trace,
        ruling: share(entry.ruling),
        approvals: share(entry.approvals),
        expiresAt: entry.expiresAt,
        validForMs: entry.validForMs,
        renderHash: entry.renderHash,
        index,
        leafHash,
      }
      if (entry.process !== undefined) compact.process = share(entry.process)
      if (entry.target !== undefined) compact.target = share(entry.target)
      if (entry.precondition !== undefined) compact.precondition = entry.precondition
      if (entry.promptedBy !== undefined) compact.promptedBy = share(entry.promptedBy)
      if (entry.repeatKey !== undefined) compact.repeatKey = entry.repeatKey
      if (entry.rememberDenialMs !== undefined) compact.rememberDenialMs = entry.rememberDenialMs
      return compact
    },
  }
}

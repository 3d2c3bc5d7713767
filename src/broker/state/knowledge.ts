import type { FreezeEntry } from '#contract'
import { createDenials, type Denials } from './denials.ts'
import { createFreezes, type Freezes } from './freezes.ts'
import { createKnownDirectories, type KnownDirectories } from './known-directory.ts'
import { createNewest, type Newest } from './newest.ts'
import type { Projection } from './projection.ts'
import { createRequests, type Requests } from './requests.ts'
import { createStandings, type Standings } from './standing.ts'

/** All that a broker knows, and every bit of it out of the ledger. */
export interface Knowledge {
  requests: Requests
  denials: Denials
  freezes: Freezes
  newest: Newest
  standings: Standings
  directories: KnownDirectories
  /** What the ledger's tail feeds and a snapshot holds. Those that look at a request come before the one that lets it leave. */
  projections: Record<string, Projection>
}

export interface KnowledgeConfig {
  /** How many finished requests stay in memory. */
  keptRequests: number | undefined
}

export interface KnowledgeDeps {
  now: () => number
  /** An agent was frozen or thawed, and this broker did not know yet. */
  onFreeze?(change: FreezeEntry): void
}

export function createKnowledge({ keptRequests }: KnowledgeConfig, deps: KnowledgeDeps): Knowledge {
  const { now, onFreeze } = deps
  const known = createRequests(keptRequests === undefined ? {} : { kept: keptRequests })
  const denials = createDenials({ requestedOf: (requestId) => known.get(requestId)?.requested, now })
  const freezes = createFreezes(onFreeze ? { onChange: onFreeze } : {})
  const newest = createNewest()
  const standings = createStandings()
  const directories = createKnownDirectories()
  return {
    /** Whoever hears of an entry first, the tail or the call that committed it: all that is known of it changes. */
    requests: {
      ...known,
      apply(entry, position) {
        denials.apply(entry, position)
        freezes.apply(entry, position)
        known.apply(entry, position)
      },
    },
    denials,
    freezes,
    newest,
    standings,
    directories,
    projections: {
      standings,
      directories,
      denials: denials.projection,
      freezes: freezes.projection,
      requests: known.projection,
      newest,
    },
  }
}

import { epochOf, isOfRequest, type JsonValue, type LedgerEntry, type RequestEntry } from '#contract'
import type { Position } from '../history/commit.ts'
import { type AgentCounts, type Counts, createCounts } from './counts.ts'
import type { Projection } from './projection.ts'
import { endOf, type Request } from './request-state.ts'

interface Kept {
  apply(entry: LedgerEntry, position: Position): void
  get(requestId: string): Request | undefined
  forget(request: Request): void
  all(): readonly Request[]
  clear(): void
  counts: Counts
}

/**
 * The requests as a projection: fed by the ledger's tail, in its order, which alone lets them leave. Whatever left
 * has gone past us here as well, and so cannot come back as somebody's late word.
 */
export function projectRequests(most: number, kept: Kept): Projection & { haveLeft(): boolean } {
  /** In the order in which the ledger ended them. */
  let ended: Request[] = []
  /** How those went that left. */
  const left = createCounts()
  /** How many records of each epoch have been applied. */
  let sizes = new Map<number, number>()
  let hasLeft = false

  function end(request: Request): void {
    ended.push(request)
    // Many at once, so that the oldest are taken from the front of a list now and then.
    if (ended.length > most + Math.min(most, SLACK))
      for (const one of ended.splice(0, ended.length - most)) leave(one)
  }

  function leave(request: Request): void {
    const { requested, decided } = request
    left.opened(requested.agent.sub)
    if (decided) left.decided(requested.agent.sub, decided.decision)
    hasLeft = true
    kept.forget(request)
  }

  return {
    haveLeft: () => hasLeft,
    apply({ epoch, index, entry, leafHash }) {
      sizes.set(epoch, index + 1)
      kept.apply(entry, { index, leafHash })
      if (!isOfRequest(entry)) return
      const request = kept.get(entry.requestId)
      if (request && endOf(request)?.index === index) end(request)
    },
    save() {
      const cut = {
        sizes: [...sizes],
        requests: [...kept.all()],
        ended: ended.map(({ requested }) => requested.requestId),
        left: [...left.all()].map(([id, counts]) => [id, { ...counts }]),
      }
      return rowsOf(cut as Cut)
    },
    load(row) {
      const loaded = row as unknown as Row
      if ('sizes' in loaded) {
        sizes = new Map(loaded.sizes)
        for (const [agentId, counts] of loaded.left) {
          left.set(agentId, counts)
          kept.counts.set(agentId, counts)
          hasLeft = true
        }
      } else if ('ended' in loaded) {
        ended = loaded.ended.map(kept.get).filter((request) => request !== undefined)
      } else for (const [index, leafHash, entry] of loaded.entries) kept.apply(entry, { index, leafHash })
    },
    clear() {
      kept.clear()
      left.clear()
      ended = []
      sizes = new Map()
      hasLeft = false
    },
  }
}

/** How many more than those that are kept may wait to leave. */
const SLACK = 256

interface Cut {
  sizes: [epoch: number, size: number][]
  /** In the order in which they ended. */
  ended: string[]
  requests: Request[]
  left: [agentId: string, counts: AgentCounts][]
}
type Row =
  | { sizes: Cut['sizes']; left: Cut['left'] }
  | { entries: [index: number, leafHash: string, entry: RequestEntry][] }
  | { ended: string[] }

/** What this process has committed itself may be ahead of the records: it comes with them. */
function* rowsOf({ sizes, ended, requests, left }: Cut): Generator<JsonValue> {
  const sizeOf = new Map(sizes)
  yield { sizes, left } as unknown as JsonValue
  for (const { requested, reviews, ...rest } of requests) {
    const size = sizeOf.get(epochOf(requested.requestId)) ?? 0
    const later = [rest.decided, rest.spent, rest.outcome, rest.erased].filter((entry) => entry !== undefined)
    const facts = [requested, ...reviews, ...later].filter(({ index }) => index < size)
    if (facts.length === 0) continue
    const entries = facts.map(({ index, leafHash, ...entry }) => [index, leafHash, entry])
    yield { entries } as unknown as JsonValue
  }
  yield { ended }
}

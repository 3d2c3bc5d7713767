import {
  type DecidedEntry,
  isOfRequest,
  type LedgerEntry,
  type OutcomeEntry,
  type PolicyEntry,
  type RequestedEntry,
  type SpentEntry,
  type TraceRef,
} from '#contract'

/** One request, as far as the ledger knows it. */
export interface LedgerRequest {
  readonly requested: RequestedEntry
  readonly decided?: DecidedEntry
  readonly spent?: SpentEntry
  readonly outcome?: OutcomeEntry
}

/** The ledger by request and by time: what claims are compared with. */
export interface LedgerView {
  apply(entry: LedgerEntry): void
  request(requestId: string): LedgerRequest | undefined
  /** The request whose approval this very span consumed. */
  consumedBy(trace: TraceRef): LedgerRequest | undefined
  /**
   * Policies in force at any time of this span of time, by the ledger's clock, oldest first. `undefined` stands for
   * a time before the first policy.
   */
  policiesBetween(fromMs: number, toMs: number): (PolicyEntry | undefined)[]
}

export function createLedgerView(): LedgerView {
  const requests = new Map<string, { -readonly [K in keyof LedgerRequest]: LedgerRequest[K] }>()
  const consumers = new Map<string, string>()
  const policies: PolicyEntry[] = []

  return {
    apply(entry) {
      if (entry.type === 'policy') {
        policies.push(entry)
        return
      }
      if (entry.type === 'requested') {
        requests.set(entry.requestId, { requested: entry })
        return
      }
      if (!isOfRequest(entry)) return
      const request = requests.get(entry.requestId)
      if (request === undefined) return
      if (entry.type === 'decided') request.decided = entry
      if (entry.type === 'outcome') request.outcome = entry
      if (entry.type === 'spent') {
        request.spent = entry
        if (entry.spend === 'consumed' && entry.trace) consumers.set(keyOf(entry.trace), entry.requestId)
      }
    },
    request: (requestId) => requests.get(requestId),
    consumedBy(trace) {
      const requestId = consumers.get(keyOf(trace))
      return requestId === undefined ? undefined : requests.get(requestId)
    },
    policiesBetween(fromMs, toMs) {
      const before = policies.findLast((policy) => policy.at <= fromMs)
      const since = policies.filter((policy) => policy.at > fromMs && policy.at <= toMs)
      return [before, ...since]
    },
  }
}

const keyOf = ({ traceId, spanId }: TraceRef): string => `${traceId}:${spanId}`

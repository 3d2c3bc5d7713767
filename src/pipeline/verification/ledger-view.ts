import {
  type DecidedEntry,
  type FreezeEntry,
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
   * It is on record that this agent was refused this action without a request of its own: somebody had denied it
   * before, or the agent was frozen.
   */
  hasRefused(what: {
    agentId: string | undefined
    name: string
    arrivedAtMs: number
    startedAtMs: number
  }): boolean
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
  const denials = new Map<string, { at: number; rememberedUntil: number }>()
  const freezes = new Map<string | undefined, FreezeEntry[]>()

  /** Frozen at some time of these. */
  const wasFrozen = (agent: string | undefined, fromMs: number, toMs: number): boolean =>
    freezes
      .get(agent)
      ?.some(
        (freeze, index, all) =>
          freeze.frozen && freeze.at <= toMs && (all[index + 1]?.at ?? Infinity) >= fromMs,
      ) ?? false

  return {
    apply(entry) {
      if (entry.type === 'policy') {
        policies.push(entry)
        return
      }
      if (entry.type === 'freeze') {
        freezes.set(entry.agent, [...(freezes.get(entry.agent) ?? []), entry])
        return
      }
      if (entry.type === 'requested') {
        requests.set(entry.requestId, { requested: entry })
        return
      }
      if (!isOfRequest(entry)) return
      const request = requests.get(entry.requestId)
      if (request === undefined) return
      if (entry.type === 'decided') {
        request.decided = entry
        const { agent, name, rememberDenialMs = Infinity } = request.requested
        if (entry.decision === 'denied')
          denials.set(`${agent.sub} ${name}`, { at: entry.at, rememberedUntil: entry.at + rememberDenialMs })
      }
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
    hasRefused({ agentId, name, startedAtMs, arrivedAtMs }) {
      if (agentId === undefined) return false
      const denial = denials.get(`${agentId} ${name}`)
      const wasDenied =
        denial !== undefined && denial.at <= arrivedAtMs && denial.rememberedUntil >= startedAtMs
      return wasDenied || [agentId, undefined].some((agent) => wasFrozen(agent, startedAtMs, arrivedAtMs))
    },
    policiesBetween(fromMs, toMs) {
      const before = policies.findLast((policy) => policy.at <= fromMs)
      const since = policies.filter((policy) => policy.at > fromMs && policy.at <= toMs)
      return [before, ...since]
    },
  }
}

const keyOf = ({ traceId, spanId }: TraceRef): string => `${traceId}:${spanId}`

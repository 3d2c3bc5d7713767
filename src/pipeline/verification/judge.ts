import type { Log } from '#runtime'
import type { ResourceSpans, Span } from '../otlp/span.ts'
import { type Claim, claimOf } from './claims.ts'
import type { LedgerView } from './ledger-view.ts'
import type { Policies } from './policies.ts'
import { askPolicies } from './rerule.ts'
import { type Verdict, verify } from './verify.ts'

export interface Judged {
  claim: Claim
  verdict: Verdict
}

export interface JudgeDeps {
  view: LedgerView
  /** Resolves when `view` holds everything that was committed at the call. */
  barrier(timeoutMs: number): Promise<void>
  policies: Policies
  now: () => number
  log: Log
}

/** Together below the ten seconds after which exporters give up on a request. */
const BARRIER_TRIES = 3
const BARRIER_TIMEOUT_MS = 2_000

/** Finds the spans of a batch that stand for actions, and judges each by the ledger and the policy of its time. */
export function createJudge({ view, barrier, policies, now, log }: JudgeDeps) {
  const sightings = createSightings()

  async function readLedger(): Promise<boolean> {
    for (let tries = 1; ; tries++) {
      try {
        await barrier(BARRIER_TIMEOUT_MS)
        return true
      } catch (error) {
        log.warn('the ledger cannot be read as far as this batch', { tries, error })
        if (tries === BARRIER_TRIES) return false
      }
    }
  }

  return async function judge(batch: readonly ResourceSpans[]): Promise<Map<Span, Judged>> {
    const arrivedAtMs = now()
    const judged = new Map<Span, Judged>()
    const claims = batch.flatMap(({ resource, scopes }) =>
      scopes.flatMap(({ spans }) =>
        spans.flatMap((span) => {
          const claim = claimOf(span, resource)
          return claim === undefined ? [] : [{ span, claim }]
        }),
      ),
    )
    if (claims.length === 0) return judged

    const ledger = (await readLedger()) ? view : undefined
    const inForce = ({ startedAtMs }: Claim) =>
      view.policiesBetween(Math.min(startedAtMs, arrivedAtMs), arrivedAtMs)
    const needed = new Set(claims.flatMap(({ claim }) => inForce(claim)))
    await policies.prepare([...needed].filter((entry) => entry !== undefined))

    for (const { span, claim } of claims) {
      const verdict = verify(claim, {
        ledger,
        policy: () =>
          askPolicies(
            claim,
            inForce(claim).map((entry) => entry && policies.table(entry)),
          ),
        sighted: sightings.of,
      })
      sightings.note(verdict, claim)
      judged.set(span, { claim, verdict })
    }
    return judged
  }
}

const CONFLICT = 'conflict'

/**
 * The content of the span that was first seen with each consumption. An exporter that got no answer sends the same
 * span again, with the same content, and that is one span. Once another content has come under the same ids, none
 * of them is verified again: otherwise sending the first once more would cover up the second.
 */
function createSightings() {
  const first = new Map<string, string>()
  return {
    of: (requestId: string): string | undefined => first.get(requestId),
    note({ verification, request }: Verdict, claim: Claim): void {
      if (request === undefined) return
      const { requestId } = request.requested
      if (verification === 'verified') first.set(requestId, claim.contentDigest())
      const trace = request.spent?.trace
      const isOwner = trace?.traceId === claim.trace.traceId && trace.spanId === claim.trace.spanId
      if (verification === 'replayed' && isOwner) first.set(requestId, CONFLICT)
    },
  }
}

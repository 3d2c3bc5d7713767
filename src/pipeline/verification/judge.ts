import type { Log } from '#runtime'
import type { FindingRow } from '#store'
import { findingRowsOf } from '../finding-rows.ts'
import type { ResourceSpans, Span } from '../otlp/span.ts'
import { valueText } from '../otlp/text.ts'
import { askPolicies } from './ask-policies.ts'
import { type Claim, claimOf } from './claims.ts'
import type { LedgerView } from './ledger-view.ts'
import type { Policies } from './policies.ts'
import { createSightings } from './sightings.ts'
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
            () => undefined,
          ),
        sighted: sightings.of,
        arrivedAtMs,
      })
      sightings.note(verdict, claim)
      judged.set(span, { claim, verdict })
    }
    return judged
  }
}

/** One row for each judged span: what it said of itself, and what the ledger and policy say of that. */
export function toFindingRows(
  batch: readonly ResourceSpans[],
  judged: ReadonlyMap<Span, Judged>,
  judgedAtMs: number,
): FindingRow[] {
  return batch.flatMap(({ resource, scopes }) => {
    const service = valueText(resource.get('service.name'))
    return scopes.flatMap(({ spans }) =>
      spans.flatMap((span) => {
        const one = judged.get(span)
        return one === undefined
          ? []
          : findingRowsOf(
              {
                actions: new Map([[span as never, { ...one, span, service, receivedAtMs: judgedAtMs }]]),
                tainted: new Map(),
              },
              judgedAtMs,
            )
      }),
    )
  })
}

import fc from 'fast-check'
import { encodeEntry, type LedgerEntry, type RequestedEntry, type ReviewEntry } from '#contract'
import { type LedgerRecord, leafHash } from '#ledger'
import { requestedEntry, restOf } from '../bench/support/ledger-history.ts'

const AT = 1_790_000_000_000

type Way =
  | 'pending'
  | 'approved'
  | 'denied'
  | 'expired'
  | 'consumed'
  | 'lapsed'
  | 'executed'
  | 'erased'
  | 'late'
export const WAYS: Way[] = [
  ...(['pending', 'approved', 'denied', 'expired', 'consumed'] as const),
  ...(['lapsed', 'executed', 'erased', 'late'] as const),
]

/** One request's own entries, in the order in which only they can come. */
function wayOf(nth: number, way: Way, step: boolean): LedgerEntry[] {
  const requested: RequestedEntry = {
    ...requestedEntry(1, nth, AT + nth),
    ...(step
      ? {
          approvals: {
            from: ['sre'],
            threshold: 1,
            assurance: 'login',
            escalate: [{ afterMs: 50, to: ['oncall'] }],
          },
        }
      : {}),
  }
  const [review, decided, spent, outcome] = restOf(requested) as [ReviewEntry, never, never, never]
  const { requestId, actionDigest } = requested
  const about = { at: AT + nth + 2, requestId, actionDigest }
  const by = review.reviewer
  const late: ReviewEntry = { ...review, at: about.at, verdict: 'deny', reviewer: { ...by, sub: 'carol' } }
  switch (way) {
    case 'pending':
      return nth % 2 === 0 ? [requested] : [requested, review]
    case 'approved':
      return [requested, review, decided]
    case 'denied':
    case 'expired':
      return [requested, { type: 'decided', ...about, decision: way, by: [] }]
    case 'consumed':
      return [requested, review, decided, spent]
    case 'lapsed':
      return [requested, review, decided, { type: 'spent', ...about, spend: 'lapsed' }]
    case 'executed':
      return [requested, review, decided, spent, outcome]
    case 'erased':
      return [requested, review, decided, spent, outcome, { type: 'erased', ...about, by }]
    case 'late':
      return [requested, review, decided, spent, late, outcome]
  }
}

/** Many requests, each with its own end, their entries in any order that a ledger may have them in. */
export const histories = fc
  .array(
    fc.record({
      way: fc.constantFrom(...WAYS),
      step: fc.boolean(),
      turns: fc.array(fc.nat(1_000), { minLength: 6, maxLength: 6 }),
    }),
    {
      maxLength: 40,
    },
  )
  .map((requests): LedgerRecord[] => {
    const placed = requests.flatMap(({ way, step, turns }, nth) => {
      const rising = turns.toSorted((one, other) => one - other)
      return wayOf(nth, way, step).map((entry, at) => ({ entry, turn: rising[at] as number, nth }))
    })
    // Stable: what one request says keeps its order.
    placed.sort((one, other) => one.turn - other.turn || one.nth - other.nth)
    return placed.map(({ entry }, index) => recordOf(entry, index))
  })

export function recordOf(entry: LedgerEntry, index: number): LedgerRecord {
  const leaf = encodeEntry(entry)
  return { epoch: 1, index, entry, leaf, leafHash: Buffer.from(leafHash(leaf)).toString('base64') }
}

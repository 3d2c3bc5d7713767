import type { Approver, Digest, TimelineEntry } from '#contract'
import type { Context } from './context.ts'
import type { Position } from './history/commit.ts'
import { reasonPart } from './request/request-payload.ts'
import type { Request } from './state/requests.ts'

/** All that the ledger says of a request, in its order, with the words that it has only the digests of. */
export async function timelineOf({ payloads }: Context, request: Request): Promise<TimelineEntry[]> {
  const { requested, reviews, decided, spent, outcome, erased } = request
  const open = async (entry: TimelineEntry, digest: Digest | undefined): Promise<TimelineEntry> => {
    const reason = digest && !erased && (await payloads.get(requested.requestId, reasonPart(digest)))
    return typeof reason === 'string' ? { ...entry, reason } : entry
  }
  const entries = [
    placed(requested, requested.at, { type: 'requested', what: 'pending', people: [] }),
    ...reviews.map((review) => {
      const people = [personOf(review.reviewer)]
      const entry = placed(review, review.at, { type: 'review', what: review.verdict, people })
      const isLate = decided !== undefined && review.index > decided.index
      return open(isLate ? { ...entry, late: true } : entry, review.reasonDigest)
    }),
  ]
  if (decided) {
    const { decision, by, reasonDigest } = decided
    const entry = placed(decided, decided.at, { type: 'decided', what: decision, people: by.map(personOf) })
    entries.push(open(entry, reasonDigest))
  }
  if (spent) {
    const people = spent.by ? [personOf(spent.by)] : []
    entries.push(placed(spent, spent.at, { type: 'spent', what: spent.spend, people }))
  }
  if (outcome) {
    const { errorType } = outcome
    const entry = placed(outcome, outcome.at, { type: 'outcome', what: outcome.outcome, people: [] })
    entries.push({ ...entry, ...(errorType === undefined ? {} : { errorType }) })
  }
  if (erased) {
    const people = [personOf(erased.by)]
    entries.push(placed(erased, erased.at, { type: 'erased', what: 'erased', people }))
  }
  return (await Promise.all(entries)).sort((one, other) => one.index - other.index)
}

type What = Pick<TimelineEntry, 'type' | 'what' | 'people'>
const placed = ({ index, leafHash }: Position, atMs: number, what: What): TimelineEntry => ({
  ...what,
  atMs,
  index,
  leaf: leafHash,
})

const personOf = ({ iss, sub, name, assurance, channel }: Approver): TimelineEntry['people'][number] => ({
  iss,
  sub,
  name,
  assurance,
  channel,
})

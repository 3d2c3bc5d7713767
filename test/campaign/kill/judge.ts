import type {
  DecidedEntry,
  LedgerEntry,
  OutcomeEntry,
  RequestedEntry,
  ReviewEntry,
  SpentEntry,
} from '#contract'
import type { LedgerRecord } from '#ledger'
import type { Ran } from './load.ts'
import type { Acknowledged } from './witness.ts'

interface History {
  requested: (RequestedEntry & At)[]
  reviews: (ReviewEntry & At)[]
  decided: (DecidedEntry & At)[]
  spent: (SpentEntry & At)[]
  outcome: (OutcomeEntry & At)[]
}
type At = { index: number }

/** What was seen from outside, against the ledger as it stands in the end. Returns every contradiction. */
export function judge(
  records: readonly LedgerRecord[],
  acknowledged: readonly Acknowledged[],
  ran: readonly Ran[],
) {
  const histories = historiesOf(records)
  return [
    ...acknowledged.flatMap((fact) => checkAcknowledged(fact, records, histories)),
    ...ran.flatMap((run) => checkRan(run, histories.get(run.requestId))),
    ...twice(ran.map(({ requestId }) => requestId)).map((id) => `${id}: its tool ran twice`),
    ...[...histories].flatMap(([id, history]) => checkHistory(history).map((problem) => `${id}: ${problem}`)),
  ]
}

function historiesOf(records: readonly LedgerRecord[]): Map<string, History> {
  const histories = new Map<string, History>()
  for (const { index, entry } of records) {
    if (!('requestId' in entry)) continue
    const empty: History = { requested: [], reviews: [], decided: [], spent: [], outcome: [] }
    const history = histories.get(entry.requestId) ?? empty
    histories.set(entry.requestId, history)
    if (entry.type === 'review') history.reviews.push({ ...entry, index })
    else if (entry.type in history)
      (history[entry.type as 'requested'] as (LedgerEntry & At)[]).push({ ...entry, index })
  }
  return histories
}

function checkAcknowledged(
  { what, requestId, place, atMs }: Acknowledged,
  records: readonly LedgerRecord[],
  histories: Map<string, History>,
): string[] {
  const history = histories.get(requestId)
  const entries: readonly (LedgerEntry & At)[] = history?.[what === 'review' ? 'reviews' : what] ?? []
  if (entries.length === 0) return [`${requestId}: ${what} was acknowledged, and the ledger does not have it`]
  if (entries.every(({ at }) => at > atMs)) return [`${requestId}: ${what} was acknowledged before it was so`]
  if (place === undefined) return []
  const record = records[place.index]
  return record?.leafHash === place.leaf && record.entry.type === what
    ? []
    : [`${requestId}: ${what} was said to be leaf ${place.index}, and it is not`]
}

function checkRan({ requestId, atMs }: Ran, history: History | undefined): string[] {
  const decided = history?.decided[0]
  const spent = history?.spent[0]
  if (decided?.decision !== 'approved' || decided.at > atMs)
    return [`${requestId}: its tool ran without an approval that was committed`]
  if (spent?.spend !== 'consumed' || spent.at > atMs)
    return [`${requestId}: its tool ran, and the approval was not consumed before`]
  return []
}

function checkHistory({ requested, reviews, decided, spent, outcome }: History): string[] {
  const [request] = requested
  const [decision] = decided
  const [spend] = spent
  if (request === undefined) return ['the ledger speaks of a request that was never opened']
  const reviewers = reviews.map(({ reviewer }) => `${reviewer.iss} ${reviewer.sub}`)
  const problems = [
    ...[requested, decided, spent, outcome]
      .filter(({ length }) => length > 1)
      .map(() => 'a fact stands twice'),
    ...twice(reviewers).map(() => 'a person has reviewed twice'),
  ]
  if (decision === undefined) return [...problems, 'it never ended']
  const before = reviews.filter(({ index }) => index < decision.index)
  const approving = new Set(before.filter(isApproval).map(({ reviewer }) => reviewer.sub)).size
  const denying = before.some((review) => !isApproval(review))
  const isReached = approving >= request.approvals.threshold
  if (decision.decision === 'approved' && !isReached) problems.push('approved by fewer people than it takes')
  if (decision.decision === 'denied' && !denying) problems.push('denied by nobody')
  // Whoever answered well before the end was answered in time, whatever died meanwhile.
  const inTime = before.every(({ at }) => at < request.expiresAt - DOUBT_MS)
  if (decision.decision === 'expired' && (isReached || denying) && inTime)
    problems.push('people had answered it, and it expired')
  if (decision.decision === 'approved' && spend === undefined)
    problems.push('its approval was never used nor ended')
  if (decision.decision !== 'approved' && spend !== undefined) problems.push('spent without an approval')
  if (spend && spend.index < decision.index) problems.push('spent before it was decided')
  if (spend?.spend === 'consumed' && outcome.length === 0)
    problems.push('consumed, and nobody says what became of it')
  return problems
}

const DOUBT_MS = 2_000
const isApproval = ({ verdict }: ReviewEntry): boolean => verdict === 'approve'
const twice = (names: readonly string[]): string[] =>
  names.filter((name, index) => names.indexOf(name) !== index)

import { type Approvals, createAssignment, type Principal, type Verdict } from '#contract'
import { escalatedTo } from './groups.ts'
import type { People } from './people.ts'
import { isParty, type ReviewedRequest } from './review.ts'

/** One review as the ledger has it. An entry `review` is one. */
export interface CountedReview {
  reviewer: Principal
  verdict: Verdict
  /** Milliseconds since the epoch. */
  at: number
  /** The answering groups that the reviewer was in. Without them it is good for a threshold that has no parts. */
  groups?: string[]
}

export type Tally<Review = CountedReview> =
  /** `missing`: how many more people it takes, at least. */
  | { state: 'pending'; missing: number }
  /** `by`: who made it so, with one review for each person, in the order of the ledger. */
  | { state: 'approved'; by: Review[] }
  | { state: 'denied'; by: Review[] }

/**
 * Where a request stands after these reviews, in the order of the ledger. Whichever is reached first counts, the
 * threshold or the number of denials; what comes after it changes nothing.
 *
 * One person counts once, with however many accounts, also where the directory learnt of them after their reviews;
 * who denied with one of them has denied. Whoever turns out to be a party to the request, or a service, does not
 * count at all, whichever their verdict.
 */
export function tally<Review extends CountedReview>(
  reviews: readonly Review[],
  request: ReviewedRequest & { at: number },
  people: People,
): Tally<Review> {
  const parts = partsOf(request.approvals)
  const needed = sumOf(parts)
  const { denials = 1 } = request.approvals
  const denialsNeeded = isCount(denials) ? denials : 1
  const approving = new Map<string, Review[]>()
  const denying = new Map<string, Review>()

  for (const review of reviews) {
    const { reviewer, verdict } = review
    if (people.isService(reviewer) || isParty(people, reviewer, request)) continue
    const person = people.keyOf(reviewer)
    if (verdict !== 'approve') {
      approving.delete(person)
      if (!denying.has(person)) denying.set(person, review)
      if (denying.size >= denialsNeeded) return { state: 'denied', by: [...denying.values()] }
    } else if (!denying.has(person)) {
      approving.set(person, [...(approving.get(person) ?? []), review])
      if (approving.size < needed) continue
      const by = filling(approving, parts, request)
      if (by.length >= needed) return { state: 'approved', by: reviews.filter((one) => by.includes(one)) }
    }
  }
  return { state: 'pending', missing: needed - filling(approving, parts, request).length }
}

interface Part {
  from: readonly string[]
  /** Infinite where the threshold is none: it must not be one that is always reached. */
  threshold: number
}

/** A threshold without parts is one part; what it asks for beyond the sum of its parts is one more. */
function partsOf({ from, threshold, all = [] }: Approvals): Part[] {
  const parts = all.map((part) => ({ from: part.from, threshold: peopleOf(part.threshold) }))
  const rest = peopleOf(threshold) - sumOf(parts)
  return rest > 0 ? [...parts, { from, threshold: rest }] : parts
}

const sumOf = (parts: Part[]): number => parts.reduce((sum, { threshold }) => sum + threshold, 0)

const isCount = (people: number): boolean => Number.isSafeInteger(people) && people >= 1
const peopleOf = (threshold: number): number => (isCount(threshold) ? threshold : Number.POSITIVE_INFINITY)

/** For each person who fills a place, the first of their reviews that is good for it. */
function filling<Review extends CountedReview>(
  approving: ReadonlyMap<string, Review[]>,
  parts: Part[],
  request: { approvals: Approvals; at: number },
): Review[] {
  const assignment = createAssignment<string>(parts.map(({ threshold }) => threshold))
  const goodFor = (review: Review, part: number): boolean => isGoodFor(review, parts[part] as Part, request)
  for (const [person, reviews] of approving)
    assignment.add(
      person,
      [...parts.keys()].filter((part) => reviews.some((review) => goodFor(review, part))),
    )
  return assignment
    .filled()
    .map(({ person, part }) => approving.get(person)?.find((review) => goodFor(review, part)) as Review)
}

/** As it was when the review was given: whoever answered before escalation let their group in has not come later. */
function isGoodFor(
  { groups, at }: CountedReview,
  { from }: Part,
  request: { approvals: Approvals; at: number },
): boolean {
  const { approvals } = request
  if (groups === undefined) return approvals.all === undefined
  const escalated = escalatedTo(approvals, at - request.at)
  return groups.some((group) => from.includes(group) || escalated.includes(group))
}

import type { RequestSummary, SummarisedReview } from './desk-messages.ts'
import type { ApprovalPart, Approvals } from './ruling.ts'
import { visibleLine } from './visible.ts'

/** Whose approvals are asked for: `1 person of sre`, or every part of a threshold. */
export function needsText({ threshold, from, all }: Pick<Approvals, 'threshold' | 'from' | 'all'>): string {
  if (all === undefined) return `${people(threshold)} of ${from.join(', ')}`
  return `${all.map((part) => `${part.threshold} of ${part.from.join(', ')}`).join(' and ')}; different people`
}

const people = (count: number): string => (count === 1 ? '1 person' : `${count} people`)

export interface MissingPart {
  count: number
  /** Any of these groups, and whoever has joined since. */
  from: string[]
}

type Undecided = Pick<RequestSummary, 'threshold' | 'from' | 'all' | 'escalate' | 'reviews'>

/**
 * Whose approvals are still asked for, as far as accounts tell it: that two of them are one person, only the broker
 * knows, and it decides. Somebody who fits several parts is counted for whichever helps most.
 */
export function missingParts({ threshold, from, all, escalate = [], reviews }: Undecided): MissingPart[] {
  const parts = all ?? [{ from, threshold }]
  const joined = escalate.flatMap(({ to }) => to)
  const fits = ({ groups }: SummarisedReview, part: ApprovalPart): boolean =>
    groups === undefined || groups.some((group) => part.from.includes(group) || joined.includes(group))
  const approvers = distinct(reviews.filter(({ verdict, late }) => verdict === 'approve' && !late))
  const places = assign(approvers, parts, fits)
  return parts.flatMap((part, index) => {
    const count = part.threshold - places.filter((place) => place === index).length
    if (count <= 0) return []
    // Where somebody who stands elsewhere could move here, whoever fits there would do as well.
    const open = reachable(index, approvers, parts, places, fits)
    return [{ count, from: [...new Set(open.flatMap((one) => parts[one]?.from ?? []))] }]
  })
}

export const missingText = (missing: readonly MissingPart[]): string =>
  missing.map(({ count, from }) => `${count} of ${from.map(visibleLine).join(' or ')}`).join(', and ')

type Fits = (review: SummarisedReview, part: ApprovalPart) => boolean

/** Each approver's part, so that as few as possible are missing: augmenting paths, at most 20 by 10. */
function assign(
  approvers: readonly SummarisedReview[],
  parts: readonly ApprovalPart[],
  fits: Fits,
): (number | undefined)[] {
  const places: (number | undefined)[] = approvers.map(() => undefined)
  function place(approver: number, seen: Set<number>): boolean {
    for (const [index, part] of parts.entries()) {
      if (seen.has(index) || !fits(approvers[approver] as SummarisedReview, part)) continue
      seen.add(index)
      const there = approvers.flatMap((_, other) => (places[other] === index ? [other] : []))
      if (there.length < part.threshold || there.some((other) => place(other, seen))) {
        places[approver] = index
        return true
      }
    }
    return false
  }
  for (const index of approvers.keys()) place(index, new Set())
  return places
}

function reachable(
  start: number,
  approvers: readonly SummarisedReview[],
  parts: readonly ApprovalPart[],
  places: readonly (number | undefined)[],
  fits: Fits,
): number[] {
  const found = [start]
  for (const part of found)
    for (const [index, approver] of approvers.entries()) {
      const place = places[index]
      if (place !== undefined && !found.includes(place) && fits(approver, parts[part] as ApprovalPart))
        found.push(place)
    }
  return found.sort((one, other) => one - other)
}

const distinct = (reviews: readonly SummarisedReview[]): SummarisedReview[] => [
  ...new Map(reviews.map((review) => [JSON.stringify([review.iss, review.sub]), review])).values(),
]

import { createAssignment } from './assignment.ts'
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
  const assignment = createAssignment<SummarisedReview>(parts.map(({ threshold: places }) => places))
  for (const approver of approvers)
    assignment.add(
      approver,
      [...parts.keys()].filter((index) => fits(approver, parts[index] as ApprovalPart)),
    )
  const filled = assignment.filled()
  return parts.flatMap((part, index) => {
    const count = part.threshold - filled.filter((place) => place.part === index).length
    if (count <= 0) return []
    // Where somebody who stands elsewhere could move here, whoever fits there would do as well.
    const open = reachable(index, filled, parts, fits)
    return [{ count, from: [...new Set(open.flatMap((one) => parts[one]?.from ?? []))] }]
  })
}

export const missingText = (missing: readonly MissingPart[]): string =>
  missing.map(({ count, from }) => `${count} of ${from.map(visibleLine).join(' or ')}`).join(', and ')

type Fits = (review: SummarisedReview, part: ApprovalPart) => boolean

function reachable(
  start: number,
  filled: readonly { person: SummarisedReview; part: number }[],
  parts: readonly ApprovalPart[],
  fits: Fits,
): number[] {
  const found = [start]
  for (const part of found)
    for (const place of filled)
      if (!found.includes(place.part) && fits(place.person, parts[part] as ApprovalPart))
        found.push(place.part)
  return found.sort((one, other) => one - other)
}

const distinct = (reviews: readonly SummarisedReview[]): SummarisedReview[] => [
  ...new Map(reviews.map((review) => [JSON.stringify([review.iss, review.sub]), review])).values(),
]

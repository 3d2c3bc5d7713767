import {
  type Approvals,
  ASSURANCES,
  type Assurance,
  atLeast,
  type DecidedEntry,
  type Digest,
  type RequestedEntry,
  type ReviewEntry,
} from '#contract'
import { createPeople, mayReview, tally } from '#policy'
import type { Random } from '../random.ts'
import { isAtWork, localTime } from '../world/calendar.ts'
import { type Channel, PEOPLE, type Person } from '../world/people.ts'
import type { SeededPolicy } from '../world/policy.ts'
import { digestOf } from './digests.ts'

/** One person who looks at a request, and what comes of it. */
export interface Answer {
  person: Person
  afterMs: number
  verdict: 'approve' | 'deny'
  channel?: Channel
}

export interface Answered {
  reviews: ReviewEntry[]
  /** Absent while too few have answered. */
  by?: DecidedEntry['by']
  decision?: 'approved' | 'denied'
  decidedAt?: number
}

/** Nobody in the directory has two accounts. */
const people = createPeople()

/** Reads, thinks, and answers: nobody who has looked at a card is quicker. */
const LEAST_MS = 9_000

/** Who answers an ordinary request, and when: those at work and on call, by their habits. */
export function ordinaryAnswers(request: RequestedEntry, random: Random): Answer[] {
  const isBad = random.chance(0.07)
  return PEOPLE.flatMap((person): Answer[] => {
    const isThere = isAtWork(localTime(person.zone, request.at))
    if (!isThere && !(person.isOnCall && random.chance(0.6))) return []
    // Of several who are told, most leave it to somebody else for a while.
    if (random.chance(0.3)) return []
    const medianMs = person.medianMs * (isThere ? 1 : 3)
    return [
      {
        person,
        afterMs: LEAST_MS + Math.round(random.around(medianMs, 0.8)),
        verdict: isBad && random.chance(0.9) ? 'deny' : 'approve',
      },
    ]
  })
}

/** Takes those answers that policy lets them give, in the order of time, until they decide it or it expires. */
export function answer(
  request: RequestedEntry,
  answers: readonly Answer[],
  policy: SeededPolicy,
  random: Random,
): Answered {
  const reviews: ReviewEntry[] = []
  const waiting = answers
    .map((one) => ({ ...one, afterMs: one.afterMs + letInAfterMs(one.person, request.approvals, policy) }))
    .toSorted((one, other) => one.afterMs - other.afterMs)
  for (const { person, afterMs, verdict, channel } of waiting) {
    const at = Math.max(request.at + afterMs, (reviews.at(-1)?.at ?? 0) + 1)
    if (at >= request.expiresAt - MARGIN_MS) break
    const assurance = assuranceOf(person, request.approvals.assurance)
    const may = mayReview(
      policy.compiled,
      people,
      { ...person, groups: [...person.groups], assurance, service: false },
      {
        ...request,
        waitedMs: at - request.at,
      },
    )
    if (!may.ok) continue
    reviews.push({
      type: 'review',
      at,
      requestId: request.requestId,
      actionDigest: request.actionDigest,
      reviewer: { ...evidenceOf(person, assurance, channel, random) },
      verdict,
      renderHash: request.renderHash,
      groups: may.groups,
      ...(verdict === 'deny' ? { reasonDigest: digestOf(random) } : {}),
    })
    const counted = tally(reviews, request, people)
    if (counted.state !== 'pending')
      return {
        reviews,
        decision: counted.state,
        by: counted.by.map(({ reviewer }) => reviewer),
        decidedAt: at + random.between(2, 12),
      }
  }
  return { reviews }
}

/** Until a decision is committed. */
const MARGIN_MS = 1_000

/** After how long this person's groups may answer: at once, or once the request is escalated to them. */
function letInAfterMs(
  { groups }: Person,
  { from, escalate = [] }: Approvals,
  { compiled }: SeededPolicy,
): number {
  const belongs = (group: string): boolean =>
    compiled.groups[group]?.some((one) => groups.includes(one)) ?? false
  if (from.some(belongs)) return 0
  return escalate.find(({ to }) => to.some(belongs))?.afterMs ?? 0
}

/** As strong as this person signs in, or as the rule asks: they are sent to sign in anew. */
function assuranceOf({ assurance, channel }: Person, asked: Assurance): Assurance {
  const isChat = channel === 'slack' || channel === 'teams'
  const own = isChat && asked === 'chat' ? 'chat' : assurance
  return atLeast(own, asked) ? own : (ASSURANCES.find((one) => one === asked) as Assurance)
}

export function evidenceOf(
  { iss, sub, name, channel }: Person,
  assurance: Assurance,
  given: Channel | undefined,
  random: Random,
): ReviewEntry['reviewer'] {
  // A chat is only taken for itself: for more its link leads to the console.
  const isChat = channel === 'slack' || channel === 'teams'
  const through = given ?? (isChat && assurance !== 'chat' ? 'console' : channel)
  const evidence: Digest = digestOf(random)
  return { iss, sub, name, assurance, channel: through, evidence }
}

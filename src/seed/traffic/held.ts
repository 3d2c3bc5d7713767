import type { Approver, DecidedEntry, RequestedEntry } from '#contract'
import type { Random } from '../random.ts'
import { type Answer, type Answered, answer, ordinaryAnswers } from '../requests/answers.ts'
import { consumption, decisionOn, openRequest, outcomeOf } from '../requests/life.ts'
import type { SpanId, SpanText } from '../spans/span.ts'
import type { Deed } from './cast.ts'
import type { Run } from './converse.ts'
import { runSteps, stepsOf } from './effects.ts'
import { heldText } from './held-text.ts'
import type { Recorded } from './judgement.ts'
import { sent } from './sent.ts'

/** A deed that people were asked about, and what came of it. */
export interface Held extends Recorded {
  deed: Deed
  span: SpanId
  /** As its process sent it. */
  text: SpanText
  startUs: number
  endUs: number
}

/** How it goes, where that is not left to people's habits. */
export interface Course {
  answers: readonly Answer[]
  /** A freeze ends it before anybody answers. */
  frozen?: { atMs: number; by: Approver }
  /** The process lies: it says this, and runs the action whatever was decided. */
  lie?(text: SpanText, recorded: Recorded): SpanText
}

const FAILS = 0.02
const GIVES_UP = 0.015

/** Asks, waits, and runs it where people approve. Everything that the broker commits meanwhile goes to the ledger. */
export function hold(run: Run, parent: SpanId, startUs: number, deed: Deed, course?: Course): Held {
  const { week, agent, random, trace } = run
  const { policy, waitText } = run.castAt(startUs)
  const { call, variant } = deed
  const span: SpanId = [random.u32(), random.u32()]
  const atMs = Math.ceil(startUs / 1000) + random.between(4, 18)
  const ruling = policy.ruleOn(agent, call, variant)
  const { user, process } = run
  const requested = openRequest({ agent, call, variant, ruling, user, atMs, trace, span, process }, random)
  const answered = answer(requested, course?.answers ?? ordinaryAnswers(requested, random), policy, random)
  const decided = decide(requested, answered, course, random)
  const reviews = answered.reviews.filter(({ at }) => at < decided.at)
  const recorded: Recorded = { requested, reviews, decided }
  week.ledger.add(requested, ...reviews, decided)
  week.requests.push(recorded)

  const heardUs = decided.at * 1000 + random.between(3_000, 40_000)
  const waitUs = atMs * 1000 + random.between(1_000, 3_000)
  const wait = { trace, id: [random.u32(), random.u32()] as const, parent: span, startUs: waitUs }
  week.sink.add(waitText(call), { ...wait, durationUs: heardUs - waitUs })
  const waitMs = BigInt(Math.floor((heardUs - waitUs) / 1000))
  const hasRun = decided.decision === 'approved' || course?.lie !== undefined
  const endUs = hasRun ? execute(run, span, heardUs, deed, recorded) : heardUs + random.between(200, 900)
  const honest = heldText(run, deed, recorded, waitMs)
  const text = course?.lie?.(honest, recorded) ?? honest
  const place = { trace, id: span, parent, startUs, durationUs: endUs - startUs }
  week.sink.add(text, sent(place, random, text))
  return { ...recorded, deed, span, text, startUs, endUs }
}

export function decide(
  asked: RequestedEntry,
  { decision, decidedAt, by }: Answered,
  course: Course | undefined,
  random: Random,
): DecidedEntry {
  if (course?.frozen)
    return decisionOn(asked, 'cancelled', course.frozen.atMs + random.between(20, 90), [course.frozen.by])
  const at = decidedAt ?? asked.expiresAt + random.between(1, 900)
  const givenUpAt =
    course === undefined && random.chance(GIVES_UP) ? asked.at + random.between(20_000, 400_000) : Infinity
  return givenUpAt < at
    ? decisionOn(asked, 'cancelled', givenUpAt)
    : decisionOn(asked, decision ?? 'expired', at, by)
}

/** Spends the approval if there is one, runs the action, and says what became of it. Returns when the span ends. */
export function execute(
  run: Pick<Run, 'week' | 'agent' | 'random' | 'trace' | 'process'>,
  span: SpanId,
  heardUs: number,
  { call }: Deed,
  recorded: Recorded,
): number {
  const { week, agent, random, trace, process } = run
  const { requested, decided } = recorded
  const spentAt = Math.ceil(heardUs / 1000) + random.between(3, 20)
  const isApproved = decided?.decision === 'approved'
  if (isApproved) recorded.spent = consumption(requested, spentAt, { trace, id: span }, process, random)
  const startUs = spentAt * 1000 + random.between(1_000, 3_000)
  const durationUs = Math.round(random.around(call.medianMs * 1000))
  const errorType = random.chance(FAILS) ? 'TypeError' : undefined
  if (errorType === undefined)
    runSteps(stepsOf(agent, call, recorded), { trace, parent: span, startUs, durationUs }, random, week.sink)
  const endUs = startUs + durationUs
  if (recorded.spent === undefined) return endUs
  recorded.outcome = outcomeOf(requested, Math.ceil(endUs / 1000) + random.between(2, 30), errorType)
  week.ledger.add(recorded.spent, recorded.outcome)
  return endUs
}

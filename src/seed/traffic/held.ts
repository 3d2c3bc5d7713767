import { ATTR, type Decision, ERROR_TYPE, type ErrorCode } from '#contract'
import { type Answer, answer, ordinaryAnswers } from '../requests/answers.ts'
import { consumption, decisionOn, openRequest, outcomeOf } from '../requests/life.ts'
import type { Attributes, SpanId, SpanText } from '../spans/span.ts'
import type { Deed } from './cast.ts'
import type { Run } from './converse.ts'
import { runSteps, stepsOf } from './effects.ts'
import { approversOf, judgementOf, type Recorded } from './judgement.ts'
import { sent } from './sent.ts'
import { actionText, rulingWords, wordsOf } from './texts.ts'

/** A deed that people were asked about, and what came of it. */
export interface Held extends Recorded {
  deed: Deed
  span: SpanId
  /** As its process sent it; absent where the week is over before it ends. */
  text?: SpanText
  startUs: number
  endUs: number
}

/** Whoever is asked for it answers in this way. */
export type Answers = readonly Answer[] | undefined

const FAILS = 0.02
const GIVES_UP = 0.015

/** Asks, waits, and runs it where people approve. Everything that the broker commits meanwhile goes to the ledger. */
export function hold(run: Run, parent: SpanId, startUs: number, deed: Deed, answers?: Answers): Held {
  const { week, agent, random, trace } = run
  const cast = run.castAt(startUs)
  const { policy } = cast
  const { call, variant } = deed
  const span: SpanId = [random.u32(), random.u32()]
  const atMs = Math.ceil(startUs / 1000) + random.between(4, 18)
  const ruling = policy.ruleOn(agent, call, variant)
  const asked = openRequest(
    { agent, call, variant, ruling, user: run.user, atMs, trace, span, process: run.process },
    random,
  )
  // The process may have begun under another policy than the broker rules by.
  const recorded: Recorded = { requested: asked }
  const answered = answer(asked, answers ?? ordinaryAnswers(asked, random), policy, random)
  const givenUpAt =
    answers === undefined && random.chance(GIVES_UP) ? atMs + random.between(20_000, 400_000) : Infinity
  const decidedAt = answered.decidedAt ?? asked.expiresAt + random.between(1, 900)
  const isGivenUp = givenUpAt < decidedAt
  const decision: Decision = isGivenUp ? 'cancelled' : (answered.decision ?? 'expired')
  const decided = decisionOn(asked, decision, isGivenUp ? givenUpAt : decidedAt, isGivenUp ? [] : answered.by)
  recorded.decided = decided
  week.ledger.add(asked, ...answered.reviews.filter(({ at }) => at < decided.at), decided)
  week.requests.push(recorded)

  const heardUs = decided.at * 1000 + random.between(3_000, 40_000)
  const waitUs = atMs * 1000 + random.between(1_000, 3_000)
  const wait = { trace, id: [random.u32(), random.u32()] as const, parent: span, startUs: waitUs }
  week.sink.add(cast.waitText(call), { ...wait, durationUs: heardUs - waitUs })
  const waitMs = BigInt(Math.floor((heardUs - waitUs) / 1000))
  const endUs =
    decision === 'approved' ? execute(run, span, heardUs, deed, recorded) : heardUs + random.between(200, 900)
  const text = heldText(run, deed, recorded, waitMs)
  const place = { trace, id: span, parent, startUs, durationUs: endUs - startUs }
  week.sink.add(text, sent(place, random, text))
  return { ...recorded, deed, span, text, startUs, endUs }
}

/** Spends the approval, runs the action, and says in the ledger what became of it. Returns when the span ends. */
function execute(run: Run, span: SpanId, heardUs: number, { call }: Deed, recorded: Recorded): number {
  const { week, agent, random, trace, process } = run
  const { requested } = recorded
  const spentAt = Math.ceil(heardUs / 1000) + random.between(3, 20)
  const spent = consumption(requested, spentAt, { trace, id: span }, process, random)
  recorded.spent = spent
  const startUs = spentAt * 1000 + random.between(1_000, 3_000)
  const durationUs = Math.round(random.around(call.medianMs * 1000))
  const errorType = random.chance(FAILS) ? 'TypeError' : undefined
  if (errorType === undefined)
    runSteps(stepsOf(agent, call, recorded), { trace, parent: span, startUs, durationUs }, random, week.sink)
  const endUs = startUs + durationUs
  const outcome = outcomeOf(requested, Math.ceil(endUs / 1000) + random.between(2, 30), errorType)
  recorded.outcome = outcome
  week.ledger.add(spent, outcome)
  return endUs
}

const REFUSALS = {
  denied: [ERROR_TYPE.denied, 'APPROVAL_DENIED', 'Not this time: ask the owner of the data first.'],
  expired: [ERROR_TYPE.expired, 'APPROVAL_EXPIRED', 'Nobody has answered in time.'],
  cancelled: [ERROR_TYPE.cancelled, 'APPROVAL_CANCELLED', 'The caller cancelled it.'],
} as const satisfies Record<string, [string, ErrorCode, string]>

/** What the gate says of it at the end, and what is found of that. */
function heldText(
  { agent, user }: Run,
  { call, variant }: Deed,
  recorded: Recorded,
  waitMs: bigint,
): SpanText {
  const { requested, decided, outcome } = recorded
  const { decision = 'cancelled', by = [] } = decided ?? {}
  const refusal = decision === 'approved' ? undefined : REFUSALS[decision]
  const failure = outcome?.errorType
  const attributes: Attributes = {
    ...wordsOf(agent, call, variant, user),
    ...rulingWords(requested.ruling, agent),
    [ATTR.approvalId]: requested.requestId,
    [ATTR.actionDigest]: requested.actionDigest,
    [ATTR.decision]: decision,
    [ATTR.waitMs]: waitMs,
    ...(decision === 'denied' ? { [ATTR.reason]: REFUSALS.denied[2] } : {}),
    ...approversOf(by),
    [ATTR.outcome]: refusal ? 'not_run' : failure === undefined ? 'executed' : 'failed',
    ...(refusal ? { 'error.type': refusal[0] } : failure === undefined ? {} : { 'error.type': failure }),
  }
  const message = refusal
    ? `${refusal[1]}: ${refusal[2]}`
    : failure === undefined
      ? undefined
      : 'fetch failed'
  const detail = refusal
    ? `not run; ${decision} in the ledger`
    : `approved by ${by.map(({ iss, sub }) => `${iss}#${sub}`).join(', ')}`
  return {
    ...actionText(agent, call),
    attributes,
    ...(message === undefined ? {} : { error: { message } }),
    judgement: judgementOf(attributes, {
      verification: refusal ? 'refused' : 'verified',
      detail,
      request: recorded,
      isItsOwn: true,
      outcome: refusal ? 'not_run' : failure === undefined ? 'executed' : 'failed',
    }),
  }
}
